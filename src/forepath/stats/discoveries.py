"""Many tests at once: keep the share of false discoveries down. Knows p-values only."""

from __future__ import annotations

import numpy as np


def fdr_adjusted(p_values: np.ndarray, *, weights: np.ndarray | None = None, dependent: bool = False) -> np.ndarray:
    """Benjamini & Hochberg (1995, J. R. Stat. Soc. B 57:289): reject where the result is at most the rate wanted.

    (tests,) in [0, 1]; NaN (could not test) stays NaN and is not counted among the tests. `weights` (tests,) above 0,
    chosen without looking at the values: a test of twice the weight is as easily believed as one of half the p-value;
    the rate over all tests stays what it is (Genovese, Roeder & Wasserman 2006, Biometrika 93:509). `dependent`: holds
    however the tests depend on one another, at the price of a factor of about ln(tests) (Benjamini & Yekutieli 2001,
    Ann. Statist. 29:1165); without it, for tests that are independent or lean the same way.

    >>> fdr_adjusted(np.array([0.01, 0.04, np.nan, 0.03])).tolist()
    [0.03, 0.04, nan, 0.04]
    >>> fdr_adjusted(np.array([0.02, 0.04]), weights=np.array([1.0, 3.0])).round(3).tolist()
    [0.04, 0.04]
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    weighted = p_values
    if weights is not None and len(tested):
        weighted = p_values * (weights[tested].mean() / weights)
    order = tested[np.argsort(weighted[tested], kind="stable")]
    ranks = np.arange(1, len(order) + 1)
    scaled = weighted[order] * (len(order) / ranks) * ((1 / ranks).sum() if dependent else 1.0)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
