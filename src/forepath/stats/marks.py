"""How one forecaster did at one step, prompt by prompt. Knows odds and counts only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forepath.stats.calibration import classwise_ece
from forepath.stats.worth import distance, k_star, spread


@dataclass(frozen=True, slots=True)
class Marks:
    """How one forecaster did at one step, per judged prompt."""

    cross_entropy: np.ndarray
    """Nats; infinite where something happened that was called impossible."""
    brier: np.ndarray
    distance: np.ndarray
    """Unbiased squared distance to the true odds."""
    spread: np.ndarray
    """Unbiased chance that two samples differ."""
    ece: float
    """Of all prompts together."""


def mark(odds: np.ndarray, counts: np.ndarray) -> Marks:
    """(prompts, themes) both; at least 2 samples each."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        lost = np.where(counts > 0, -shares * np.log(np.where(counts > 0, odds, 1.0)), 0.0).sum(axis=1)
    brier = (odds**2).sum(axis=1) - 2 * (odds * shares).sum(axis=1) + 1.0
    return Marks(lost, brier, distance(odds, counts), spread(counts), classwise_ece(odds, shares))


def worth_of(means: np.ndarray, strength: float) -> float:
    """`k_star` from mean spread, mean distance and the base rate's mean distance."""
    return k_star(means[:1], means[1:2], means[2:], strength)


def explained_of(base: float, ours: float, ceiling: float) -> float:
    """NaN where the base rate is at the ceiling: there is nothing to explain."""
    return (base - ours) / (base - ceiling) if base > ceiling else float("nan")
