"""The rival that knows only the last theme: a first-order Markov chain over themes. Knows theme indices only."""

from __future__ import annotations

from typing import Self

import numpy as np

from forepath.errors import ActivationError, UnfittedError
from forepath.forecasters.chains import likely_chains
from forepath.forecasters.inputs import checked, checked_pair
from forepath.forecasters.left_out import judged_rows, learned_strength, shared_counts
from forepath.records import END, UNKNOWN, Forecast, Futures
from forepath.stats.rates import smoothed
from forepath.stats.shrinkage import shrunk


class Markov:
    """P(theme at step h | theme before it), from the last theme of the prompt, one table per step.

    Its input is the index of the last theme before the prompt ended, one number per row, `UNKNOWN` where none was
    known; then the first step is the base rate. A row of a table is pulled towards the base rate of its step as far as
    makes what came after likeliest in prompts whose own samples are left out of it (`left_out`).

    >>> futures = Futures(("a", "b", "end"), np.array([[[1, 2]] * 9, [[0, 1]] * 9] * 3, dtype="i2"))
    >>> markov = Markov().fit(np.array([0, 1] * 3), futures)
    >>> markov.predict(np.array([0, 1])).steps[:, 0].round(1).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """

    def __init__(self) -> None:
        self._themes: tuple[str, ...] = ()
        self._tables: list[np.ndarray] = []

    def fit(self, last_themes: np.ndarray, futures: Futures) -> Self:
        """(prompts,) or (prompts, 1) theme indices and the futures of the same prompts. Raises `ActivationError`."""
        last = _indices(checked_pair(_column(last_themes), futures), len(futures.themes))
        samples = futures.steps.shape[1]
        owner = np.repeat(np.arange(len(last)), samples)
        steps = np.concatenate([np.repeat(last, samples).reshape(-1, samples, 1), futures.steps.astype(int)], axis=2)
        end = futures.themes.index(END)
        self._themes = futures.themes
        self._tables = [
            _table(steps[..., h].ravel(), steps[..., h + 1].ravel(), owner, len(futures.themes), end, absorbs=h > 0)
            for h in range(futures.steps.shape[2])
        ]
        return self

    def predict(self, last_themes: np.ndarray) -> Forecast:
        """Row i depends on the last theme of row i only. Raises `UnfittedError`, `ActivationError`."""
        if not self._themes:
            raise UnfittedError("this Markov has not seen any futures: call fit(last_themes, futures) first")
        last = _indices(checked(_column(last_themes), width=1), len(self._themes))
        odds = [self._tables[0][last]]  # UNKNOWN is -1: the table's last row, the base rate
        for table in self._tables[1:]:
            odds.append(odds[-1] @ table[:-1])

        def transition(step: int, rows: np.ndarray, before: np.ndarray) -> np.ndarray:
            found: np.ndarray = self._tables[step][before]
            return found

        return Forecast(
            self._themes, np.stack(odds, axis=1), *likely_chains(odds[0], transition, self._themes, len(odds))
        )


def _table(
    before: np.ndarray, after: np.ndarray, owner: np.ndarray, count: int, end: int, *, absorbs: bool
) -> np.ndarray:
    """(themes + 1, themes) P(after | before); the last row is for an unknown theme before. `owner`: of which prompt."""
    kept = (after != UNKNOWN) & ((before != end) if absorbs else True)
    rows, after, owner = np.where(before[kept] == UNKNOWN, count, before[kept]), after[kept], owner[kept]
    counts = np.bincount(rows * count + after, minlength=(count + 1) * count).reshape(count + 1, count)
    base, some = smoothed(counts.sum(axis=0)), judged_rows(len(after))
    some = some[rows[some] != count]
    table = np.tile(base, (count + 1, 1))
    if len(some):
        others = counts[rows[some]] - shared_counts(rows * (owner.max() + 1) + owner, after, some, count)
        without = smoothed(counts.sum(axis=0) - shared_counts(owner, after, some, count))
        table = shrunk(counts, base, learned_strength(others, without, after[some]))
    table[count] = base
    if absorbs:
        table[end] = np.eye(count)[end]
    return table


def _column(last_themes: np.ndarray) -> np.ndarray:
    given = np.asarray(last_themes)
    return given[:, None] if given.ndim == 1 else given


def _indices(column: np.ndarray, count: int) -> np.ndarray:
    index: np.ndarray = column[:, 0].astype(int)
    if column.shape[1] != 1 or (index != column[:, 0]).any() or (index < UNKNOWN).any() or (index >= count).any():
        raise ActivationError(
            f"a Markov chain starts from one theme index per row, 0 to {count - 1} or {UNKNOWN} for unknown; got shape "
            f"{column.shape} with values from {column.min():g} to {column.max():g}"
        )
    return index
