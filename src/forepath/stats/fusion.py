"""A forecast and a few real samples together: how far off they are, and how many samples that saves.

The forecast is the mean of a Dirichlet prior that counts for `strength` samples; the posterior mean after k real ones
is `shrinkage.shrunk`. With p the true odds of a prompt, G = 1 - |p|^2 and D = |forecast - p|^2, it misses p by
(k G + strength^2 D) / (k + strength)^2 in expectation, exactly and for any p. Knows counts and odds of one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forepath.errors import InputError
from forepath.stats.bootstrap import Estimate, percentile_interval, resamples
from forepath.stats.worth import distance, spread


def error_after(k: float, spreads: float, distances: float, strength: float) -> float:
    """E |posterior mean - p|^2 after k samples, from mean G and mean D.

    >>> error_after(4, 0.8, 0.1, 0.0), error_after(0, 0.8, 0.1, 3.0)  # samples alone; the forecast alone
    (0.2, 0.1)
    """
    if strength == 0:
        return spreads / k if k else float("inf")
    return (k * spreads + strength**2 * distances) / (k + strength) ** 2


def samples_for(error: float, spreads: float, distances: float, strength: float) -> float:
    """The least k >= 0, a real number, from which on the error stays at most `error`; infinite for no error at all.

    >>> samples_for(0.2, 0.8, 0.1, 0.0), samples_for(0.2, 0.8, 0.1, 3.0)  # the forecast alone is good enough
    (4.0, 0.0)
    >>> samples_for(0.05, 0.8, 0.1, 8.0) < samples_for(0.05, 0.8, 0.1, 0.0)
    True
    """
    if error <= 0:
        return float("inf")
    # error k^2 + (2 strength error - G) k + strength^2 (error - D) >= 0 beyond its larger root
    half = spreads / 2 - strength * error
    inside = half**2 - error * strength**2 * (error - max(distances, 0.0))
    return max(0.0, float(half + np.sqrt(inside)) / error) if inside >= 0 else 0.0


def expected_variance(odds: np.ndarray, strength: float | np.ndarray, samples: float | np.ndarray = 0) -> np.ndarray:
    """What the model itself expects of E |posterior mean - p|^2 after `samples` more. odds (..., themes) -> (...).

    The variance of Dirichlet(strength odds) is (1 - |odds|^2) / (strength + 1); samples shrink it by
    strength / (strength + samples) on average.

    >>> expected_variance(np.array([0.5, 0.5]), 9.0, np.array([0, 9])).tolist()
    [0.05, 0.025]
    """
    now = (1.0 - (odds**2).sum(axis=-1)) / (strength + 1.0)
    later: np.ndarray = np.asarray(now * strength / (strength + samples))
    return later


def samples_needed(odds: np.ndarray, strength: float | np.ndarray, error: float) -> np.ndarray:
    """(...) whole samples, at least 0, after which `expected_variance` is at most `error`: where sampling may stop.

    `odds` (..., themes) and `strength` of the forecast, or of the posterior so far (strength + samples drawn). Raises
    `InputError` unless `error` is positive.

    >>> samples_needed(np.array([[0.5, 0.5], [1.0, 0.0]]), 9.0, 0.025).tolist()
    [9, 0]
    """
    if not error > 0:
        raise InputError(f"an expected error of {error} is never reached; give one above 0, e.g. 0.01")
    ratio = expected_variance(odds, strength) / error
    needed: np.ndarray = np.ceil(np.maximum(strength * (ratio - 1.0), 0.0) - 1e-9).astype(int)
    return needed


@dataclass(frozen=True, slots=True)
class Saved:
    """Samples for equal error, at one step."""

    raw: int
    """Samples that the error asked for takes without any prior."""
    error: float
    """Mean squared error of `raw` samples: the one asked for."""
    shrunk: float
    """Samples shrunk towards the base rate that reach it."""
    fused: float
    """Samples fused with the forecast that reach it."""
    share: Estimate
    """1 - fused / raw, with its prompt-level 95 % interval."""
    share_of_shrunk: float
    """1 - fused / shrunk: the honest rival knows the base rate, too. NaN where the base rate alone is enough."""


def saved(
    raw: int,
    forecast: np.ndarray,
    base: np.ndarray,
    counts: np.ndarray,
    *,
    strength: float,
    base_strength: float,
    seed: int = 0,
) -> Saved:
    """How many of `raw` samples per prompt the forecast saves at equal mean squared error.

    `forecast` (prompts, themes), `base` (themes,), `counts` (prompts, themes) of samples that neither has seen, at
    least 2 a prompt; the others are left out. Every figure is from unbiased estimates of G and D, none from drawing.
    """
    judged = counts.sum(axis=1) >= 2
    counts, forecast = counts[judged], forecast[judged]
    if not len(counts):
        nan = float("nan")
        return Saved(raw, nan, nan, nan, Estimate(nan, nan, nan), nan)
    columns = np.column_stack(
        [spread(counts), distance(forecast, counts), distance(np.broadcast_to(base, counts.shape), counts)]
    )

    def needed(means: np.ndarray) -> tuple[float, float]:
        error = float(means[0]) / raw
        return (
            samples_for(error, float(means[0]), float(means[1]), strength),
            samples_for(error, float(means[0]), float(means[2]), base_strength),
        )

    fused, shrunk = needed(columns.mean(axis=0))
    drawn = np.array([1.0 - needed(means)[0] / raw for means in resamples(len(counts), seed, 1000) @ columns])
    share = Estimate(1.0 - fused / raw, *percentile_interval(drawn))
    return Saved(raw, float(columns[:, 0].mean()) / raw, shrunk, fused, share,
                 1.0 - fused / shrunk if shrunk > 0 else float("nan"))  # fmt: skip
