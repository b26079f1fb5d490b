"""Means of bounded numbers that come one after another, known at any time: betting for and against each value.

Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting", J. R. Stat. Soc. B 86:1: the
hedged capital against each candidate mean m is a supermartingale if m is true, so that it exceeds 1/a ever with
probability at most a (Ville 1939); the candidates it does not exceed it for are a confidence sequence, valid however
one decides to stop.
"""

from __future__ import annotations

import numpy as np

GRID = 201
TRUNCATE = 0.5
"""Largest share of what may be lost that is bet at once."""


class Bets:
    """Capital against every mean on a grid, for several measures at a time.

    Numbers lie in [-1, 1], as differences of shares do; they must come from the prompts in an order that does not
    depend on them.
    """

    def __init__(self, measures: int, rate: float = 0.05) -> None:
        """`rate` tunes the size of the bets, not what they prove."""
        self._grid = np.linspace(0, 1, GRID)
        self._up, self._down = np.zeros((measures, GRID)), np.zeros((measures, GRID))
        self._scale = 2 * np.log(2 / rate)
        self._mean, self._squares, self._seen = np.full(measures, 0.5), np.full(measures, 0.25), np.zeros(measures)

    def add(self, values: np.ndarray) -> None:
        """One number per measure (measures,); NaN adds nothing to a measure."""
        known = ~np.isnan(values)
        x = np.where(known, (values + 1) / 2, 0.5)
        bet = np.sqrt(self._scale / (self._squares * np.log(self._seen + 2)))[:, None]
        with np.errstate(divide="ignore"):
            up = np.minimum(bet, TRUNCATE / self._grid)
            down = np.minimum(bet, TRUNCATE / (1 - self._grid))
        away = x[:, None] - self._grid
        self._up += np.where(known[:, None], np.log1p(up * away), 0.0)
        self._down += np.where(known[:, None], np.log1p(-down * away), 0.0)
        self._seen += known
        mean = self._mean + np.where(known, (x - self._mean) / (self._seen + 1), 0.0)
        self._squares += np.where(known, (x - mean) ** 2, 0.0)
        self._mean = mean

    def interval(self, rate: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) of each mean, each (measures,), all times at once with probability 1 - rate for each measure."""
        capital = np.maximum(self._up, self._down) - np.log(2)
        alive = capital < np.log(1 / rate)
        grid = 2 * self._grid - 1
        half = grid[1] - grid[0]  # the true mean may lie between two points of the grid
        low = np.where(alive.any(axis=1), grid[alive.argmax(axis=1)], grid[self._nearest()]) - half
        high = np.where(alive.any(axis=1), grid[::-1][alive[:, ::-1].argmax(axis=1)], grid[self._nearest()]) + half
        return np.maximum(low, -1.0), np.minimum(high, 1.0)

    def against_no_shift(self) -> np.ndarray:
        """(measures,) e-values of "the mean is 0": their mean is at most 1 if it is."""
        at = GRID // 2
        return np.asarray((np.exp(self._up[:, at]) + np.exp(self._down[:, at])) / 2)

    def against_shift(self, margin: float) -> np.ndarray:
        """(measures,) e-values of "the mean is `margin` or more away from 0"; a margin is rounded down to the grid.

        Of the two one-sided ones the smaller: both must fall.
        """
        steps = int(margin / (2 / (GRID - 1)) + 1e-9)
        at = GRID // 2
        below, above = self._down[:, at + steps], self._up[:, at - steps]
        return np.asarray(np.exp(np.minimum(below, above)))

    def _nearest(self) -> np.ndarray:
        return np.asarray(np.abs(self._grid - self._mean[:, None]).argmin(axis=1))


def e_discoveries(e_values: np.ndarray, rate: float = 0.05) -> np.ndarray:
    """Which to reject so that the false discovery rate is at most `rate`, however the e-values depend on one another.

    Wang and Ramdas 2022, "False discovery rate control with e-values", J. R. Stat. Soc. B 84:822. (tests,) -> bool.

    >>> e_discoveries(np.array([100.0, 50.0, 1.0])).tolist()
    [True, True, False]
    """
    order = np.argsort(-e_values, kind="stable")
    ranks = np.arange(1, len(order) + 1)
    enough = e_values[order] * ranks >= len(order) / rate
    out = np.zeros(len(order), dtype=bool)
    if enough.any():
        out[order[: int(np.flatnonzero(enough).max()) + 1]] = True
    return out
