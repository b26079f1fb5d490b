"""Whether 30 % happens 30 % of the time: reliability, calibration error, temperature. Knows odds and shares only.

The truth is each prompt's shares over its samples, not one outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10
LEAST_PROMPTS = 10
"""In a bin, if there are as many."""
LEAST_MASS = 4.0
"""Sum of odds in a bin of `by_mass`, if there is as much."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """One theme's reliability curve, a point per bin."""

    forecast: np.ndarray
    """(bins,) mean odds given to the theme."""
    observed: np.ndarray
    """(bins,) mean share of samples that had it."""
    error: np.ndarray
    """(bins,) standard error of the difference; NaN in a bin of one prompt."""
    prompts: np.ndarray
    """(bins,)"""


def reliability(odds: np.ndarray, shares: np.ndarray, *, by_mass: bool = False) -> Reliability:
    """Of one theme, from (prompts,) odds and (prompts,) shares. Bins hold equally many prompts, or with `by_mass` about
    equal sums of odds: where a theme is impossible for most prompts, that shows what happens to the others.

    >>> r = reliability(np.repeat([0.1, 0.6], 10), np.repeat([0.2, 0.6], 10))
    >>> r.forecast.round(2).tolist(), r.observed.round(2).tolist()
    ([0.1, 0.6], [0.2, 0.6])
    """
    bins = _even_bins(len(odds))
    order = np.argsort(odds, kind="stable")
    parts = np.array_split(order, bins)
    if by_mass and odds.sum() > 0:
        bins = int(np.clip(odds.sum() // LEAST_MASS, 1, BINS))
        whole = np.cumsum(odds[order])
        place = np.minimum(((whole - odds[order] / 2) * bins / whole[-1]).astype(int), bins - 1)
        parts = [order[place == b] for b in np.unique(place)]
    sizes = np.array([len(part) for part in parts])
    deviation = [(odds[p] - shares[p]).std(ddof=1) if len(p) > 1 else np.nan for p in parts]
    return Reliability(
        np.array([odds[p].mean() for p in parts]),
        np.array([shares[p].mean() for p in parts]),
        np.array(deviation) / np.sqrt(sizes),
        sizes,
    )


def classwise_ece(odds: np.ndarray, shares: np.ndarray) -> float:
    """Mean over themes of the mean over prompts of |forecast - observed| in bins of equally many prompts, in [0, 1].

    Classwise as in Kull et al. (2019, arXiv:1910.12656). A perfect forecast's bins differ from the observed by chance,
    so the squared standard error is taken off each squared difference, down to 0 (after Kumar et al. 2019,
    arXiv:1909.10155). (prompts, themes) both; NaN for fewer than 2 prompts.
    """
    if len(odds) < 2:
        return float("nan")
    parts = np.array_split(np.arange(len(odds)), _even_bins(len(odds)))  # those of `reliability`, all themes at once
    sizes, starts = np.array([len(part) for part in parts])[:, None], [part[0] for part in parts]
    order = np.argsort(odds, axis=0, kind="stable")
    gaps = np.take_along_axis(odds, order, axis=0) - np.take_along_axis(shares, order, axis=0)
    means = np.add.reduceat(gaps, starts, axis=0) / sizes
    around = gaps - np.repeat(means, sizes[:, 0], axis=0)
    error = np.add.reduceat(around**2, starts, axis=0) / (sizes * (sizes - 1))
    return float((np.sqrt(np.maximum(means**2 - error, 0.0)) * sizes).sum() / odds.size)


def _even_bins(prompts: int) -> int:
    return max(1, min(BINS, prompts // LEAST_PROMPTS))


def tempered(odds: np.ndarray, temperature: float) -> np.ndarray:
    """odds^(1/temperature), made to sum to 1 over the last axis: above 1 flatter, below 1 sharper.

    >>> tempered(np.array([0.8, 0.2]), 2.0).round(3).tolist()
    [0.667, 0.333]
    """
    with np.errstate(divide="ignore"):  # what is impossible stays so
        logits = np.log(odds) / temperature
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scaled: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
    return scaled


def fit_temperature(odds: np.ndarray, shares: np.ndarray) -> float:
    """The temperature in [0.05, 20] with the least cross-entropy (Guo et al. 2017, arXiv:1706.04599).

    (prompts, themes) odds > 0 and shares, of prompts on which neither the forecaster was fitted nor will be judged.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        scaled = np.maximum(tempered(odds, float(np.exp(log_temperature))), 1e-300)
        return -float((shares * np.log(scaled)).sum())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))
