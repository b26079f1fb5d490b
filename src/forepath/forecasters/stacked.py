"""Several linear heads as one product: for a row at a time, where calls cost more than numbers. Knows arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from forepath.forecasters.heads import Head
from forepath.forecasters.odds import absorbed, floored, softmax


@dataclass(frozen=True, slots=True)
class Stacked:
    """The heads of the steps and those of the chains, side by side: what `odds` and `transitions` give, at once."""

    weights: np.ndarray
    """(width, heads * themes)"""
    steps: np.ndarray
    """(horizon, themes) intercepts"""
    links: np.ndarray
    """(horizon - 1, themes, themes) intercepts"""
    step_floors: np.ndarray
    """(horizon, 1)"""
    link_floors: np.ndarray
    """(horizon - 1, 1, 1)"""
    end: np.ndarray
    """(themes,) one at `end`."""

    @classmethod
    def of(cls, steps: Sequence[Head], links: Sequence[Head], end: int) -> Self:
        """From the heads as they were fitted; none of `links` if there are no chains."""
        count = steps[0].weights.shape[1]
        return cls(
            np.concatenate([head.weights for head in (*steps, *links)], axis=1),
            np.concatenate([head.intercepts for head in steps]),
            np.stack([head.intercepts for head in links]) if links else np.zeros((0, count, count)),
            np.array([[head.floor] for head in steps]),
            np.array([head.floor for head in links])[:, None, None],
            np.eye(count)[end],
        )

    def course(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((rows, horizon, themes) odds of the steps, (rows, horizon - 1, themes, themes) P(theme | theme before)) of
        (rows, width)."""
        horizon, count = self.steps.shape
        linear = (points @ self.weights).reshape(len(points), -1, count)
        end = int(self.end.argmax())
        steps = absorbed(floored(softmax(linear[:, :horizon] + self.steps), self.step_floors), end)
        links = floored(softmax(linear[:, horizon:, None] + self.links), self.link_floors)
        links[:, :, end] = self.end
        return steps, links
