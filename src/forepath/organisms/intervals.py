"""The bootstrap interval of a ratio of totals, by units drawn with replacement (Efron 1979)."""

from __future__ import annotations

import numpy as np


def ratio_interval(top: np.ndarray, bottom: np.ndarray, *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of sum(top) / sum(bottom) over units (documents, books); both (units,).

    >>> low, high = ratio_interval(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4))
    >>> 1.0 < low < 2.5 < high < 4.0
    True
    """
    chosen = np.random.default_rng(seed).integers(len(top), size=(draws, len(top)))
    ratios = top[chosen].sum(axis=1) / bottom[chosen].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)
