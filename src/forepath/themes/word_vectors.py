"""What text alone can tell: the words of prompts as vectors, for the rival that never sees the model.

Knows texts and linear algebra; nothing of themes or forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

WIDEST = 1000
"""Directions kept where there are more known texts."""
PASSES = 4
"""Power iterations of the range finder: the directions that count are then found to many digits."""
BLOCK = 64
"""Columns at a time: what bounds the memory, at so many numbers per word."""


def word_vectors(known: Sequence[str], texts: Sequence[str], *, widest: int = WIDEST, seed: int = 0) -> np.ndarray:
    """(texts, width) TF-IDF of words and pairs of words, weighted on `known` texts only.

    Turned into a basis of the known texts. Up to `widest` of them that loses nothing for a head with an L2 penalty (the
    representer theorem); beyond, it is the projection on their `widest` strongest directions, found by randomised
    subspace iteration (Halko, Martinsson and Tropp 2011, arXiv:0909.4061) without ever forming a matrix of texts by
    texts: 15,000 known texts take some hundred megabytes.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    tool = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=1, token_pattern=r"(?u)\b\w+\b")
    counts = tool.fit_transform(known)
    basis = _basis(counts, widest, seed)
    return _through(tool.transform(texts), counts, basis) if texts else np.zeros((0, basis.shape[1]))


def _basis(counts: Any, widest: int, seed: int) -> np.ndarray:
    """(known, width) M such that the columns of counts' M are orthonormal directions of word space, strongest first."""
    n = counts.shape[0]
    span = np.eye(n) if n <= widest else _range(counts, widest, seed)
    values, vectors = np.linalg.eigh(span.T @ _through(counts, counts, span))
    kept = np.argsort(values)[::-1][:widest]
    kept = kept[values[kept] > 1e-9 * values.max()]
    turned: np.ndarray = span @ (vectors[:, kept] / np.sqrt(values[kept]))
    return turned


def _range(counts: Any, widest: int, seed: int) -> np.ndarray:
    """(known, widest + some) orthonormal columns that span nearly the strongest directions of counts counts'."""
    drawn = np.random.default_rng(seed).standard_normal((counts.shape[0], min(counts.shape[0], widest + 32)))
    for _ in range(PASSES):
        drawn = np.linalg.qr(_through(counts, counts, drawn))[0]
    return drawn


def _through(left: Any, counts: Any, right: np.ndarray) -> np.ndarray:
    """left counts' right, some columns at a time: the words are many, and no dense matrix of them fits."""
    parts = (left @ (counts.T @ right[:, i : i + BLOCK]) for i in range(0, right.shape[1], BLOCK))
    return np.concatenate([np.asarray(part) for part in parts], axis=1)
