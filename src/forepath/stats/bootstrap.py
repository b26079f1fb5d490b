"""Intervals by drawing prompts again. Knows numbers per prompt, not what they measure.

Prompts, not samples, are drawn: samples of one prompt share its luck. So do prompts of one group, where there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


def resamples(prompts: int, seed: int, draws: int = DRAWS, *, groups: Sequence[str] | None = None) -> np.ndarray:
    """(draws, prompts) float32: how often each prompt was drawn, as a share of all that were; rows sum to 1.

    The same seed gives the same draws, which makes differences between forecasters paired. `groups` (prompts,): prompts
    of one group are drawn together, because they share their luck (the cluster bootstrap; Davison and Hinkley 1997,
    section 3.8).
    """
    if groups is not None and len(set(groups)) < prompts:
        names, member = np.unique(np.asarray(groups), return_inverse=True)
        drawn = resamples(len(names), seed, draws)[:, member]
        shares: np.ndarray = drawn / drawn.sum(axis=1, keepdims=True)
        return shares
    rng = np.random.default_rng(seed)
    picked = rng.integers(prompts, size=(draws, prompts)) + np.arange(draws)[:, None] * prompts
    counts = np.bincount(picked.ravel(), minlength=draws * prompts).reshape(draws, prompts)
    return (counts / prompts).astype(np.float32)


def percentile_interval(drawn: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of (draws,) (Efron 1979, Ann. Statist. 7:1); NaN if any draw is. Draws may be infinite."""
    if not len(drawn) or np.isnan(drawn).any():
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")  # others would take inf - inf
    return float(low), float(high)


def mean_estimate(values: np.ndarray, seed: int = 0) -> Estimate:
    """Mean of (prompts,) with its interval. NaN for no prompts. Of `a - b` it is the paired difference of a and b.

    >>> e = mean_estimate(np.array([1.0, 2.0, 3.0]))
    >>> e.value, 1.0 <= e.low < 2.0 < e.high <= 3.0
    (2.0, True)
    """
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"))
    return Estimate(float(values.mean()), *percentile_interval(resamples(len(values), seed) @ values))
