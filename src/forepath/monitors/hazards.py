"""When will a theme come? From the odds of the next theme given the one before. Knows probabilities only.

The chain is made to avoid the theme, and what would have entered it is counted (first-passage odds of a Markov chain,
Kemeny & Snell, "Finite Markov chains", 1960): all themes at once, one small matrix product per step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Outlook:
    """What may come after one place of a text; when each theme comes is worked out where it is asked for."""

    first: np.ndarray
    """(themes,) odds of the next theme."""
    horizon: int
    """Themes that it looks ahead."""
    chain: Callable[[], np.ndarray]
    """Gives `links`: themes² numbers for each step, which are not worked out unless somebody asks."""
    lengths: np.ndarray
    """(themes,) mean tokens of a segment."""

    @cached_property
    def links(self) -> np.ndarray:
        """(horizon - 1, themes, themes) P(theme | theme before) of each later step."""
        return self.chain()

    @cached_property
    def coming(self) -> tuple[np.ndarray, np.ndarray]:
        """What `hazards` finds."""
        return hazards(self.first, self.links, self.lengths)


def hazards(first: np.ndarray, links: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((horizon, themes) P(the theme comes within the first h steps), (themes,) expected tokens until it begins).

    `first` (themes,) odds of step 1; `links` (horizon - 1, themes, themes) P(theme | theme before) of each later step;
    `lengths` (themes,) mean tokens of a segment of each theme. The tokens are counted from the start of step 1 and
    given that the theme comes at all within the horizon; NaN where it cannot.

    >>> stay = np.array([[[0.0, 1.0], [0.0, 1.0]]])
    >>> chance, tokens = hazards(np.array([0.75, 0.25]), stay, np.array([30.0, 0.0]))
    >>> chance.tolist(), tokens.tolist()
    ([[0.75, 0.25], [0.75, 1.0]], [0.0, 22.5])
    """
    count = len(first)
    # Row a of both: where the chain is, theme a not met before this step; and the same times the tokens until then.
    both = np.zeros((2, count, count))
    both[0] = first
    chance, late = np.empty((len(links) + 1, count)), np.zeros(count)
    chance[0] = first
    for step, link in enumerate(links):
        both.reshape(2, -1)[:, :: count + 1] = 0.0
        both[1] += both[0] * lengths
        both = both @ link
        met = both.reshape(2, -1)[:, :: count + 1]
        np.add(chance[step], met[0], out=chance[step + 1])
        late += met[1]
    tokens = np.divide(late, chance[-1], out=np.full(count, np.nan), where=chance[-1] > 1e-12)
    return np.minimum(chance, 1.0), tokens


def chance_of_any(first: np.ndarray, links: np.ndarray | Sequence[np.ndarray], wanted: Sequence[int]) -> np.ndarray:
    """(horizon,) P(any theme of `wanted` comes within the first h steps); arguments as for `hazards`.

    >>> even = np.full((1, 3, 3), 1 / 3)
    >>> chance_of_any(np.full(3, 1 / 3), even, [0, 1]).round(3).tolist()
    [0.667, 0.889]
    """
    mass, came, total = first.copy(), [], 0.0
    for step in range(len(links) + 1):
        mass = mass @ links[step - 1] if step else mass
        for theme in wanted:
            total += mass.item(theme)
            mass[theme] = 0.0
        came.append(min(total, 1.0))
    return np.array(came)


def independent(steps: np.ndarray, end: int) -> np.ndarray:
    """Links for a forecaster that gives steps only: each step as if it did not depend on the one before.

    `steps` (horizon, themes); `end` stays the end. An assumption, not a forecast: the odds of "within" are then rough.
    """
    ended = steps[:, end]
    alive = np.maximum(1.0 - ended[:-1], 1e-12)
    links = np.repeat(np.maximum(steps[1:], 0.0)[:, None, :], steps.shape[1], axis=1)
    links[:, :, end] = np.clip((ended[1:] - ended[:-1]) / alive, 0.0, 1.0)[:, None]
    others = np.arange(steps.shape[1]) != end
    rest = links[:, :, others]
    total = np.maximum(rest.sum(axis=2, keepdims=True), 1e-300)
    links[:, :, others] = rest / total * (1.0 - links[:, :, end])[..., None]
    links[:, end, :] = np.eye(steps.shape[1])[end]
    return links
