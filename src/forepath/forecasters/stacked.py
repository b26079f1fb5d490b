"""Several linear heads as one product: for a row at a time, where calls cost more than numbers. Knows arrays only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np

from forepath.forecasters.heads import FAINT, Head
from forepath.forecasters.odds import absorbed, softmax
from forepath.stats.quick import heads, odds

Floors = tuple[np.ndarray, np.ndarray]
"""What is left of the odds of each head beside its floor, and each theme's part of the floor."""


@dataclass(frozen=True, slots=True)
class Stacked:
    """The heads of the steps side by side, and those of the chains: what `odds` and `transitions` give."""

    heads: Any
    """The steps', for `quick.odds`."""
    shape: tuple[int, int]
    """(horizon, themes)"""
    link_weights: np.ndarray
    """(width, (horizon - 1) * themes)"""
    link_intercepts: np.ndarray
    """(horizon - 1, themes): the mean over the theme before."""
    after: np.ndarray
    """(horizon - 1, themes, themes) what the theme before adds to the logits."""
    factors: np.ndarray
    """exp of `after`, each row's largest 1: a forecast's exponentials are then one per theme and not one per pair."""
    link_floors: Floors
    """(horizon - 1, 1, 1) each"""
    end: int

    @classmethod
    def of(cls, steps: Sequence[Head], links: Sequence[Head], end: int) -> Self:
        """From the heads as they were fitted; none of `links` if there are no chains."""
        count = steps[0].weights.shape[1]
        added = np.stack([head.intercepts for head in links]) if links else np.zeros((0, count, count))
        mean = added.mean(axis=1)
        after = added - mean[:, None]
        width = len(steps[0].weights)
        weights = np.ascontiguousarray(np.concatenate([head.weights for head in steps], axis=1), dtype=np.float64)
        intercepts = np.ascontiguousarray(np.concatenate([head.intercepts for head in steps]), dtype=np.float64)
        return cls(
            heads(weights, intercepts, *_floors(np.array([[head.floor] for head in steps]), count), end),
            (len(steps), count),
            np.concatenate([np.zeros((width, 0)), *(head.weights for head in links)], axis=1),
            mean,
            after,
            np.exp(after - after.max(axis=2, keepdims=True)),
            _floors(np.array([head.floor for head in links])[:, None, None], count),
            end,
        )

    def course(self, point: np.ndarray) -> tuple[np.ndarray, Callable[[], np.ndarray]] | None:
        """((horizon, themes) odds of the steps, what gives `links`) of (width,); None for a point that is not finite,
        or no such row of float32 or float64 numbers.
        """
        steps = np.empty(self.shape)
        found = odds(self.heads, point, steps)
        if found < 0:
            return None
        if found:
            steps = absorbed(steps[None], self.end)[0]
        return steps, partial(self.links, np.array(point))

    def links(self, point: np.ndarray) -> np.ndarray:
        """(horizon - 1, themes, themes) P(theme | theme before) of (width,)."""
        linear = (point @ self.link_weights).reshape(self.link_intercepts.shape) + self.link_intercepts
        found: np.ndarray = np.exp(linear - linear.max(axis=1, keepdims=True))[:, None] * self.factors
        sums = found.sum(axis=2, keepdims=True)
        if sums.size and sums.min() < FAINT:  # what the row calls likely, the theme before calls impossible
            found, sums = softmax(linear[:, None] + self.after), np.ones_like(sums)
        found = _floored(found, sums, self.link_floors)
        found[:, self.end] = 0.0
        found[:, self.end, self.end] = 1.0
        return found


def _floors(floor: np.ndarray, count: int) -> Floors:
    return 1.0 - floor, floor / count


def _floored(odds: np.ndarray, sums: np.ndarray, floors: Floors) -> np.ndarray:
    """`floored` of odds / sums; in place."""
    odds *= floors[0] / sums
    odds += floors[1]
    return odds
