"""Many tests at once: keep the share of false discoveries down. Knows p-values only."""

from __future__ import annotations

import numpy as np


def fdr_adjusted(p_values: np.ndarray) -> np.ndarray:
    """Benjamini & Hochberg (1995, J. R. Stat. Soc. B 57:289): reject where the result is at most the rate wanted.

    (tests,) in [0, 1]; NaN (could not test) stays NaN and is not counted among the tests.

    >>> fdr_adjusted(np.array([0.01, 0.04, np.nan, 0.03])).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    scaled = p_values[order] * (len(order) / np.arange(1, len(order) + 1))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
