"""The rival that knows the last themes: a Markov chain of variable order over themes. Knows theme indices only.

P(next | the last k themes) is the counts after them, plus a number of samples that follow the odds after the last
k - 1: a Dirichlet prior around the shorter context, down to the base rate (MacKay & Peto 1995, Nat. Lang. Eng. 1:289;
the hierarchical form is that of Teh 2006). How many samples is learned for each order by leaving out one prompt at a
time: samples of one prompt are alike, so that a context that only one prompt had would look surer than it is.

The first step goes on from where the prompt was cut, perhaps in the middle of a theme, so that it has counts of its
own; all later steps share theirs, and their context grows by the themes of the forecast itself.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from forepath.errors import ActivationError, UnfittedError
from forepath.forecasters.exploring import explore
from forepath.forecasters.inputs import checked, checked_pair
from forepath.forecasters.left_out import judged_rows, learned_strength, shared_counts
from forepath.records import END, UNKNOWN, Forecast, Futures
from forepath.stats.rates import smoothed
from forepath.stats.shrinkage import shrunk


class MarkovVariable:
    """From the last themes of the prompt, oldest first, `UNKNOWN` (-1) on the left where there were fewer.

    >>> themes = ("a", "b", "c", "end")  # b is followed by what came before it
    >>> steps = np.array([[[1, 0, 3]] * 9, [[1, 2, 3]] * 9] * 20, dtype=np.int16)
    >>> markov = MarkovVariable().fit(np.array([[-1, 0], [-1, 2]] * 20), Futures(themes, steps))
    >>> markov.predict(np.array([[-1, 0], [-1, 2]])).steps[:, 1].round(1).tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """

    def __init__(self, order: int = 4) -> None:
        """`order`: most themes of a context, at least 1."""
        if order < 1:
            raise ValueError(f"order={order}; a context holds at least 1 theme")
        self.order = order
        self.themes: tuple[str, ...] = ()
        self._width, self._horizon = 0, 0
        self._first: list[_Table] = []
        self._later: list[_Table] = []

    def fit(self, last_themes: np.ndarray, futures: Futures) -> Self:
        """(prompts, any number) or (prompts,) theme indices, and the prompts' futures. Raises `ActivationError`."""
        given = checked_pair(_wide(last_themes), futures)
        last, count = _indices(given, len(futures.themes)), len(futures.themes)
        _, samples, horizon = futures.steps.shape
        past, steps = np.repeat(last, samples, axis=0), futures.steps.reshape(-1, horizon).astype(int)
        whole = np.concatenate([past, steps], axis=1)
        whole = np.pad(whole, ((0, 0), (self.order, 0)), constant_values=UNKNOWN)
        start, end = self.order + last.shape[1], futures.themes.index(END)
        self.themes, self._width, self._horizon = futures.themes, last.shape[1], horizon
        owner = np.repeat(np.arange(len(last)), samples)
        contexts, after = whole[:, start - self.order : start], whole[:, start]
        seen = after != UNKNOWN
        self._first = _tables(contexts[seen], after[seen], owner[seen], count)
        pairs = [(whole[:, at - self.order : at], whole[:, at]) for at in range(start + 1, start + horizon)]
        contexts = np.concatenate([np.zeros((0, self.order), dtype=int), *[c for c, _ in pairs]])
        after = np.concatenate([np.zeros(0, dtype=int), *[a for _, a in pairs]])
        kept = (after != UNKNOWN) & (contexts[:, -1] != end)
        self._later = _tables(contexts[kept], after[kept], np.tile(owner, len(pairs))[kept], count)
        return self

    @property
    def strengths(self) -> tuple[list[float], list[float]]:
        """Of each order from 1, in samples: at the first step, and at later ones."""
        return [t.strength for t in self._first[1:]], [t.strength for t in self._later[1:]]

    def predict(self, last_themes: np.ndarray) -> Forecast:
        """Row i depends on the last themes of row i only. Raises `UnfittedError`, `ActivationError`.

        Exact in the beam of `exploring.explore`; the little beyond goes on by the order-1 odds.
        """
        if not self.themes:
            raise UnfittedError("this MarkovVariable has not seen any futures: call fit(last_themes, futures) first")
        last = _indices(checked(_wide(last_themes), width=self._width), len(self.themes))
        last = np.pad(last, ((0, 0), (self.order, 0)), constant_values=UNKNOWN)

        def extend(step: int, rows: np.ndarray, paths: np.ndarray) -> np.ndarray:
            return _odds(self._later, np.concatenate([last[rows], paths], axis=1)[:, -self.order :])

        def tail(step: int, rows: np.ndarray, before: np.ndarray) -> np.ndarray:
            return _odds(self._later[:2], before[:, None])

        found = explore(_odds(self._first, last[:, -self.order :]), extend, tail, self.themes, self._horizon)
        return Forecast(self.themes, found.steps, found.chains, found.probs)


class _Table:
    """Odds after each context of one order that was seen, its keys ascending."""

    def __init__(self, keys: np.ndarray, odds: np.ndarray, strength: float) -> None:
        self.keys, self.odds, self.strength = keys, odds, strength


def _keys(contexts: np.ndarray, order: int, count: int) -> np.ndarray:
    """(n,) one number per context of the last `order` themes; -1 where one of them is unknown."""
    used = contexts[:, contexts.shape[1] - order :]
    key = np.zeros(len(used), dtype=np.int64)
    for column in used.T:
        key = key * count + column
    return np.where((used == UNKNOWN).any(axis=1), -1, key)


def _tables(contexts: np.ndarray, after: np.ndarray, owner: np.ndarray, count: int) -> list[_Table]:
    """By order from 0. Contexts (n, order), what came after (n,) and of which prompt (n,)."""
    base = smoothed(np.bincount(after, minlength=count))
    tables = [_Table(np.zeros(1, dtype=np.int64), base[None], 0.0)]
    without = None  # the odds of some of the rows, as if their prompt had not been seen
    some = judged_rows(len(after))
    if len(after):
        own, whole = shared_counts(owner, after, some, count), np.bincount(after, minlength=count)
        without = smoothed(whole - own)
    for order in range(1, contexts.shape[1] + 1):
        keys = _keys(contexts, order, count)
        known = np.flatnonzero(keys >= 0)
        if not len(known):
            tables.append(_Table(np.zeros(0, dtype=np.int64), np.zeros((0, count)), 1.0))
            continue
        seen, which = np.unique(keys[known], return_inverse=True)
        counts = np.bincount(which * count + after[known], minlength=len(seen) * count).reshape(len(seen), count)
        first = np.unique(which, return_index=True)[1]
        shorter = _odds(tables, contexts[known[first], contexts.shape[1] - order + 1 :])
        judged = keys[some] >= 0
        assert without is not None
        others = counts[np.searchsorted(seen, keys[some[judged]])]
        others = others - shared_counts(keys * (owner.max() + 1) + owner, after, some[judged], count)
        strength = learned_strength(others, without[judged], after[some[judged]])
        without[judged] = shrunk(others, without[judged], strength)
        tables.append(_Table(seen, shrunk(counts, shorter, strength), strength))
    return tables


def _odds(tables: list[_Table], contexts: np.ndarray) -> np.ndarray:
    """(n, themes) of the longest context that was seen, of at most as many themes as there are tables for."""
    count = tables[0].odds.shape[1]
    odds = np.tile(tables[0].odds, (len(contexts), 1))
    for order in range(1, min(len(tables), contexts.shape[1] + 1)):
        table, keys = tables[order], _keys(contexts, order, count)
        if not len(table.keys):
            continue
        place = np.minimum(np.searchsorted(table.keys, keys), len(table.keys) - 1)
        found = table.keys[place] == keys
        odds[found] = table.odds[place[found]]
    return odds


def _wide(last_themes: np.ndarray) -> np.ndarray:
    given = np.asarray(last_themes)
    return given[:, None] if given.ndim == 1 else given


def _indices(given: np.ndarray, count: int) -> np.ndarray:
    index: np.ndarray = given.astype(int)
    known = index != UNKNOWN
    holes = known[:, :-1] > known[:, 1:]
    if (index != given).any() or (index < UNKNOWN).any() or (index >= count).any() or holes.any():
        raise ActivationError(
            f"a Markov chain starts from theme indices, 0 to {count - 1}, oldest first, with {UNKNOWN} on the left "
            f"where there were fewer; got shape {given.shape} with values from {given.min():g} to {given.max():g}"
        )
    return index
