"""How well a number tells two groups apart. Knows numbers only."""

from __future__ import annotations

import numpy as np

from forepath.stats.bootstrap import Estimate, percentile_interval

DRAWS = 1000


def auroc(higher: np.ndarray, lower: np.ndarray) -> float:
    """P(a number of `higher` is larger than one of `lower`), ties half: 0.5 is chance. NaN if one is empty.

    >>> auroc(np.array([3.0, 2.0]), np.array([1.0, 2.0]))
    0.875
    """
    if not len(higher) or not len(lower):
        return float("nan")
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, side="left") + np.searchsorted(ordered, higher, side="right")
    return float(below.mean() / (2 * len(lower)))


def auroc_estimate(higher: np.ndarray, lower: np.ndarray, *, seed: int = 0) -> Estimate:
    """`auroc` with its 95 % interval, both groups drawn again; each number must be of a prompt of its own."""
    if not len(higher) or not len(lower):
        nan = float("nan")
        return Estimate(nan, nan, nan)
    rng = np.random.default_rng(seed)
    drawn = [auroc(rng.choice(higher, len(higher)), rng.choice(lower, len(lower))) for _ in range(DRAWS)]
    return Estimate(auroc(higher, lower), *percentile_interval(np.array(drawn)))
