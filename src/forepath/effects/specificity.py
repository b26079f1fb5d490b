"""How much of what moved was meant to move. Knows shifts per prompt, not themes."""

from __future__ import annotations

import numpy as np

from forepath.stats.bootstrap import Estimate, percentile_interval, resamples

DRAWS = 400


def specificity(differences: np.ndarray, targets: np.ndarray, seed: int = 0) -> Estimate:
    """Squared shift of the targets over that of all measures, in [0, 1]: 1 where nothing else moved.

    `differences` (prompts, measures), NaN where a prompt has none; `targets` (measures,) bool. Each squared shift has
    its sampling variance taken off (an unbiased estimate, cut at 0), or many measures that did not move would add up.
    NaN where nothing moved at all. The interval draws prompts again.

    >>> rng = np.random.default_rng(0)
    >>> d = rng.normal([0.3, 0.0, 0.0], 0.1, size=(100, 3))
    >>> e = specificity(d, np.array([True, False, False]))
    >>> e.value > 0.99 and e.low > 0.95
    True
    """
    value = _share(differences, np.full((1, len(differences)), 1 / len(differences)), targets)[0]
    drawn = _share(differences, resamples(len(differences), seed, DRAWS), targets)
    low, high = percentile_interval(drawn)
    return Estimate(float(value), low, high)


def _share(differences: np.ndarray, weights: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(draws,) for `weights` (draws, prompts) that sum to 1."""
    seen = ~np.isnan(differences)
    values = np.where(seen, differences, 0.0)
    mass = weights @ seen
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weights @ values) / mass
        variance = ((weights @ values**2) / mass - mean**2) / np.maximum(mass * len(differences) - 1, 1)
        squared = np.nan_to_num(np.maximum(mean**2 - variance, 0.0))
        share: np.ndarray = squared[:, targets].sum(axis=1) / squared.sum(axis=1)
    return share
