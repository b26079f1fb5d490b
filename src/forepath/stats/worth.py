"""What a forecast is worth in samples of the prompt. Knows counts and odds of one step.

With p the true odds of a prompt, the shares of k samples miss it by E|shares - p|^2 = (1 - |p|^2) / k exactly. A
forecast that misses by D is worth the k that would miss by as much. Both sides have unbiased estimates from n samples
of each prompt (research notes, section 3.2), which the plain distance to the shares of these samples has not.
"""

from __future__ import annotations

import numpy as np


def spread(counts: np.ndarray) -> np.ndarray:
    """Per prompt, without bias, 1 - |p|^2: the chance that two samples differ. counts (prompts, themes), n >= 2.

    >>> spread(np.array([[1, 1], [2, 0]])).tolist()
    [1.0, 0.0]
    """
    total = counts.sum(axis=1)
    shares = counts / total[:, None]
    found: np.ndarray = total / (total - 1) * (1.0 - (shares**2).sum(axis=1))
    return found


def distance(odds: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Per prompt, without bias, |odds - p|^2; can be negative. (prompts, themes) both, n >= 2."""
    total = counts.sum(axis=1)
    plain = ((odds - counts / total[:, None]) ** 2).sum(axis=1)
    found: np.ndarray = plain - spread(counts) / total
    return found


def k_raw(spreads: np.ndarray, distances: np.ndarray) -> float:
    """How many raw samples miss p by as much, on average over prompts. Infinite if no error can be measured.

    >>> k_raw(np.array([0.5]), np.array([0.05]))
    10.0
    """
    if not len(spreads):
        return float("nan")
    miss = float(distances.mean())
    return float(spreads.mean()) / miss if miss > 0 else float("inf")


def k_star(spreads: np.ndarray, distances: np.ndarray, base_distances: np.ndarray, strength: float) -> float:
    """How many samples, shrunk by `strength` towards the base rate, miss p by as much.

    They miss by (k G + strength^2 B) / (k + strength)^2, with G the mean spread and B the mean of |base - p|^2: exact
    for any p. The quadratic is solved for k >= 0, so that k may be more than there are samples. 0 if the forecast is no
    better than the base rate itself, infinite if no error can be measured.

    >>> k_star(np.array([0.5]), np.array([0.05]), np.array([0.1]), 5.0)  # the base rate alone is worth 5
    5.0
    """
    if not len(spreads):
        return float("nan")
    g, d, b = float(spreads.mean()), float(distances.mean()), float(base_distances.mean())
    if d <= 0:
        return float("inf")
    if d >= b:
        return 0.0
    # d k^2 + (2 strength d - g) k + strength^2 (d - b) = 0 has one root above 0, since the last term is below 0
    half = strength * d - g / 2
    return float((np.sqrt(half**2 + d * strength**2 * (b - d)) - half) / d)
