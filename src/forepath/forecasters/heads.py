"""One linear head: a regression with its penalty chosen on prompts kept aside. Knows rows, not themes or chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forepath.forecasters.odds import floored, softmax
from forepath.forecasters.solver import Design, Rows, solve
from forepath.forecasters.targets import of_points
from forepath.stats.rates import smoothed

PATH = tuple(float(10.0**e) for e in np.arange(1.0, -6.5, -0.5))
"""Penalties tried, strongest first, in units of the mean variance of the points' directions."""
PATIENCE = 2
"""Penalties in a row that may be no better than the best before the path is left."""
FAINT = 1e-200
"""Sum of exponentials below which they are taken again together, so that none is rounded away."""
SPREAD = 2.0
"""Standard deviation of the normal prior, in log odds, of what the theme before adds to a chain head."""


@dataclass(frozen=True, slots=True)
class Head:
    """softmax(weights' x + intercepts[group]), mixed with even odds so that nothing is impossible."""

    weights: np.ndarray
    """(width, themes) float64"""
    intercepts: np.ndarray
    """(groups, themes) float64"""
    floor: float
    """Share of the even odds: half a sample per theme, as in `smoothed`."""
    penalty: float
    """The one used, in units of `PATH`."""

    def odds(self, linear: np.ndarray, group: np.ndarray) -> np.ndarray:
        """(n, themes) from weights' x (n, themes) and groups (n,)."""
        return floored(softmax(linear + self.intercepts[group]), self.floor)

    def follower(self, linear: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """A function of (n,) rows of `linear` (rows, themes) and (n,) groups that gives `odds` of these pairs.

        For many pairs of few rows: exponentials are taken once per row and once per group, their sums are one product.
        """
        rows = np.exp(linear - linear.max(axis=1, keepdims=True))
        groups = np.exp(self.intercepts - self.intercepts.max(axis=1, keepdims=True))
        sums, even = rows @ groups.T, self.floor / self.intercepts.shape[1]

        def odds(row: np.ndarray, group: np.ndarray) -> np.ndarray:
            total = sums[row, group]
            faint = np.flatnonzero(total < FAINT)
            found: np.ndarray = rows[row]
            found *= groups[group]
            found *= ((1.0 - self.floor) / np.maximum(total, FAINT))[:, None]
            found += even
            if len(faint):  # what a row and a group each call likely, the other calls impossible: rounded away above
                found[faint] = self.odds(linear[row[faint]], group[faint])
            return found

        return odds


@dataclass(frozen=True, slots=True)
class Fold:
    """The points of a fit: all of them, and split into those to fit on and those kept aside."""

    whole: Design
    """That of `part` where all points are not asked for."""
    part: Design
    """That of `whole` where penalties are given."""
    aside: np.ndarray
    """(points,) bool"""
    judged: np.ndarray
    """(points kept aside, width)"""

    @classmethod
    def of(cls, points: np.ndarray, aside: np.ndarray, *, whole: bool = True, part: bool = True) -> Fold:
        """Turn the points once for all heads. Without points kept aside no penalty can be chosen.

        `whole=False`: penalties are to be tried only (`least_loss`), nothing is fitted to all points. `part=False`:
        penalties are given.
        """
        both = [Design(points[~aside]) if part else None, Design(points) if whole else None]
        some = next(design for design in both if design is not None)
        return cls(both[1] or some, both[0] or some, aside, points[aside])


def fit_head(fold: Fold, rows: Rows, *, groups: int, penalty: float | None) -> Head:
    """Choose the penalty (unless given), then fit on all points. `groups` 1 is a plain head."""
    total, classes = float(rows.weights.sum()), rows.targets.shape[1]
    anchor, floor = _prior(rows, groups)
    if not len(rows.weights):
        return Head(np.zeros((len(fold.whole.centre), classes)), anchor, floor, PATH[0] if penalty is None else penalty)
    tie = 1.0 / (SPREAD**2 * total) if groups > 1 else 0.0
    start = None
    if penalty is None:
        penalty, start, _ = _choose(fold, rows, anchor, tie, floor)
    found = solve(fold.whole, rows, penalty=penalty * fold.whole.scale, anchor=anchor, tie=tie, start=start)
    return Head(found.weights, found.intercepts, floor, penalty)


def least_loss(fold: Fold, rows: Rows) -> float:
    """Cross-entropy, nats, of a plain head on the points kept aside, with the penalty that is best there; NaN if there
    are none. It is what penalties are chosen by: to compare features with, not to judge a forecaster by.
    """
    if not len(rows.weights):
        return float("nan")
    anchor, floor = _prior(rows, 1)
    return _choose(fold, rows, anchor, 0.0, floor)[2]


def _prior(rows: Rows, groups: int) -> tuple[np.ndarray, float]:
    """((groups, classes) log odds of the base rate, share of even odds in every forecast)."""
    classes = rows.targets.shape[1]
    base = smoothed((rows.targets * rows.weights[:, None]).sum(axis=0))
    floor = 0.5 * classes / (float(rows.weights.sum()) + 0.5 * classes)
    return np.tile(np.log(base), (groups, 1)), floor


def _choose(
    fold: Fold, rows: Rows, anchor: np.ndarray, tie: float, floor: float
) -> tuple[float, np.ndarray | None, float]:
    """(the penalty with the least cross-entropy on the points kept aside, for all points; where to start there; the
    cross-entropy).

    Each penalty of `PATH` is warm-started from the stronger one. A penalty is a prior against the evidence of all
    points: with more of them it weighs less per point.
    """
    known, asked = of_points(rows, ~fold.aside), of_points(rows, fold.aside)
    if not len(known.weights) or not len(asked.weights):
        return PATH[0], None, float("nan")
    best, least, waited, start = None, np.inf, 0, None
    share = float((~fold.aside).mean())
    for penalty in PATH:
        found = solve(fold.part, known, penalty=penalty * fold.part.scale, anchor=anchor, tie=tie, start=start,
                      tolerance=1e-5)  # fmt: skip
        start = found.turned
        head = Head(found.weights, found.intercepts, floor, penalty)
        log_odds = np.log(head.odds((fold.judged @ found.weights)[asked.point], asked.group))
        loss = -float(asked.weights @ (asked.targets * log_odds).sum(axis=1)) / float(asked.weights.sum())
        waited = 0 if loss < least else waited + 1
        if loss < least:
            best, least = (penalty * share, fold.whole.turn(found)), loss
        if waited >= PATIENCE:
            break
    return *(best or (PATH[0], None)), least
