"""Several linear heads as one product: for a row at a time, where calls cost more than numbers. Knows arrays only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np

from forepath.forecasters.heads import FAINT, Head
from forepath.forecasters.odds import absorbed, softmax

Floors = tuple[np.ndarray, np.ndarray]
"""What is left of the odds of each head beside its floor, and each theme's part of the floor."""


@dataclass(frozen=True, slots=True)
class Stacked:
    """The heads of the steps and those of the chains, side by side: what `odds` and `transitions` give, at once."""

    weights: np.ndarray
    """(width, heads * themes)"""
    intercepts: np.ndarray
    """(heads * themes,): of the chains' heads the mean over the theme before."""
    after: np.ndarray
    """(horizon - 1, themes, themes) what the theme before adds to the logits."""
    factors: np.ndarray
    """exp of `after`, each row's largest 1: a forecast's exponentials are then one per theme and not one per pair."""
    step_floors: Floors
    """(horizon, 1) each"""
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
        return cls(
            np.concatenate([head.weights for head in (*steps, *links)], axis=1),
            np.concatenate([*(head.intercepts.ravel() for head in steps), mean.ravel()]),
            after,
            np.exp(after - after.max(axis=2, keepdims=True)),
            _floors(np.array([[head.floor] for head in steps]), count),
            _floors(np.array([head.floor for head in links])[:, None, None], count),
            end,
        )

    @property
    def shape(self) -> tuple[int]:
        """(width,) of what it reads."""
        return (len(self.weights),)

    def course(self, point: np.ndarray) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
        """((horizon, themes) odds of the steps, what gives `links`) of (width,)."""
        linear = (point @ self.weights + self.intercepts).reshape(-1, self.after.shape[2])
        odds = np.exp(linear - linear.max(axis=1, keepdims=True))
        count = len(self.step_floors[0])
        steps = odds[:count]
        steps = _floored(steps, steps.sum(axis=1, keepdims=True), self.step_floors)
        ended = steps[:, self.end].tolist()
        if ended != sorted(ended):
            steps = absorbed(steps[None], self.end)[0]
        return steps, partial(self.links, linear[count:], odds[count:])

    def links(self, linear: np.ndarray, odds: np.ndarray) -> np.ndarray:
        """(horizon - 1, themes, themes) P(theme | theme before), of log odds (horizon - 1, themes) that lack what the
        theme before adds, and their exponentials, the largest of each row 1."""
        found: np.ndarray = odds[:, None] * self.factors
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
