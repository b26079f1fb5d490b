"""Interpolated modified Kneser-Ney: the classic n-gram model, as a rival for a small neural one. NumPy only.

Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling", section 3: three discounts
per order from the counts of counts; below the highest order a count is the number of distinct tokens seen before the
n-gram; below the unigrams everything is uniform. It reads token ids and knows nothing of text.

N-grams live in one sorted array of 64-bit keys per order, key = (row of its first n-1 tokens) * vocabulary + last
token, so that a table of tens of millions of n-grams is a few arrays and a look-up is a binary search.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from forepath.errors import InputError, UnfittedError

NONE = -1
"""Row of an n-gram that was never seen."""


class KneserNey:
    """An n-gram model of token ids in [0, vocabulary).

    >>> tokens = np.array([0, 1, 2, 0, 1, 2, 0, 1, 3] * 4)
    >>> model = KneserNey(order=3, vocabulary=4).fit(tokens)
    >>> nats = model.losses(np.array([0, 1, 2]))
    >>> [round(float(p), 2) for p in np.exp(-nats)]
    [0.33, 0.61, 0.63]
    """

    def __init__(self, order: int, vocabulary: int) -> None:
        if order < 1 or vocabulary < 1:
            raise InputError(f"order {order} and vocabulary {vocabulary}: both must be at least 1")
        self.order, self.vocabulary = order, vocabulary
        self._keys: list[np.ndarray] = []
        self._kept: list[np.ndarray] = []
        self._shares: list[np.ndarray] = []
        self._totals: list[np.ndarray] = []

    def fit(self, tokens: np.ndarray) -> Self:
        """Count `tokens` (n,), one long text. Raises `InputError` if an id is outside the vocabulary."""
        tokens = np.asarray(tokens, dtype=np.int64)
        if len(tokens) < self.order or tokens.min() < 0 or tokens.max() >= self.vocabulary:
            raise InputError(f"need at least {self.order} token ids, each in [0, {self.vocabulary})")
        self._keys = []
        rows = np.zeros(len(tokens), dtype=np.int64)  # Row of the n-gram that ends at each position; n = 0: the root.
        counts: list[np.ndarray] = []
        for n in range(1, self.order + 1):
            keys, first, inverse, count = np.unique(
                _prefix_keys(rows, tokens, n, self.vocabulary), return_index=True, return_inverse=True,
                return_counts=True,
            )  # fmt: skip
            if n > 1:  # What an (n-1)-gram counts is how many distinct tokens stood before it.
                counts[-1] = np.bincount(rows[first + n - 1], minlength=len(counts[-1]))
            counts.append(count)
            self._keys.append(keys)
            rows = np.concatenate([np.full(n - 1, NONE), inverse])
        self._kept, self._shares, self._totals = [], [], []
        for n in range(self.order):
            self._weigh(counts[n], self._keys[n] // self.vocabulary, len(counts[n - 1]) if n else 1)
        return self

    def _weigh(self, counts: np.ndarray, parents: np.ndarray, contexts: int) -> None:
        """Discount the counts of one order; what is taken from a context is the share of the order below."""
        discounts = _discounts(counts)
        total = np.bincount(parents, weights=counts, minlength=contexts)
        taken = np.bincount(parents, weights=discounts[np.minimum(counts, 3)], minlength=contexts)
        self._kept.append(counts - discounts[np.minimum(counts, 3)])
        self._totals.append(total)
        self._shares.append(np.divide(taken, total, out=np.ones(contexts), where=total > 0))

    def losses(self, tokens: np.ndarray) -> np.ndarray:
        """-log P of each of `tokens` (n,) given the up to order - 1 tokens before it: (n,) float64, nats.

        Raises `UnfittedError` before `fit`.
        """
        if not self._keys:
            raise UnfittedError("losses() before fit(): call fit(tokens) first")
        tokens = np.asarray(tokens, dtype=np.int64)
        probability = np.full(len(tokens), 1.0 / self.vocabulary)
        rows = np.zeros(len(tokens), dtype=np.int64)
        for n in range(1, self.order + 1):
            keys = self._keys[n - 1]
            before = np.concatenate([np.full(min(n, 2) - 1, NONE), rows[: len(rows) - min(n, 2) + 1]])
            wanted = np.where(before >= 0, before * self.vocabulary + tokens, NONE)
            place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            rows = np.where(keys[place] == wanted, place, NONE)
            known = (before >= 0) & (self._totals[n - 1][before] > 0)
            kept = np.where(rows >= 0, self._kept[n - 1][rows], 0.0)
            with np.errstate(invalid="ignore", divide="ignore"):
                mixed = kept / self._totals[n - 1][before] + self._shares[n - 1][before] * probability
            probability = np.where(known, mixed, probability)
        return np.asarray(-np.log(probability))


def _prefix_keys(rows: np.ndarray, tokens: np.ndarray, n: int, vocabulary: int) -> np.ndarray:
    """Keys of all n-grams, by the position they end at; `rows` are those of the (n-1)-grams."""
    if n == 1:
        return tokens
    return np.asarray(rows[n - 2 : -1] * vocabulary + tokens[n - 1 :])


def _discounts(counts: np.ndarray) -> np.ndarray:
    """(4,) what to take from a count of 0, 1, 2, 3 or more (Chen and Goodman 1998, equation 26)."""
    n1, n2, n3, n4 = (float((counts == c).sum()) for c in (1, 2, 3, 4))
    fallback = np.array([0.0, 0.5, 1.0, 1.5])  # Too few n-grams to estimate from (as in KenLM).
    if min(n1, n2, n3) == 0:
        return fallback
    y = n1 / (n1 + 2 * n2)
    found = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return found if (found >= 0).all() else fallback
