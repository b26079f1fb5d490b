"""How a labeller renames what is truly there: P(label | true theme), counted where the truth is known.

Carries exact odds over true themes into the labels of a codebook, so that both can stand in one table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forepath.records import END, Forecast, Segment, Trajectory
from forepath.themes.audit import held_by

SLIP = 0.001
"""Share of the base rate mixed into renamed odds: a model may do what its world never does."""


def confusion(
    labelled: Sequence[Trajectory],
    truth: Sequence[Sequence[Segment]],
    true_themes: tuple[str, ...],
    themes: tuple[str, ...],
) -> np.ndarray:
    """(true themes, themes) rows summing to 1: which label holds most of a true segment. `end` stays `end`.

    `truth` holds the true segments of each of `labelled`. One more count is dealt out by the labels' own shares, so
    that nothing is impossible only because it was not met.
    """
    counts = np.zeros((len(true_themes), len(themes)))
    place = {theme: i for i, theme in enumerate(true_themes)}
    label = {theme: i for i, theme in enumerate(themes)}
    for trajectory, segments in zip(labelled, truth, strict=True):
        for segment in segments:
            if segment.theme in place:
                counts[place[segment.theme], label[held_by(trajectory.segments, segment)]] += 1
    counts += (counts.sum(axis=0) + 1) / (counts.sum() + len(themes))
    counts[place[END]] = np.eye(len(themes))[label[END]]
    rates: np.ndarray = counts / counts.sum(axis=1, keepdims=True)
    return rates


def renamed(
    forecast: Forecast, rates: np.ndarray, themes: tuple[str, ...], base: np.ndarray, *, slip: float = SLIP
) -> Forecast:
    """The steps of a forecast over true themes, as odds over a codebook's `themes`, some of the base rate mixed in.

    `rates` (true themes, themes) from `confusion`; `base` (horizon, themes). Each step is renamed by itself: exact for
    the next theme if the labeller errs at random, an approximation beyond.
    """
    return Forecast(themes, (1 - slip) * (forecast.steps @ rates) + slip * base)
