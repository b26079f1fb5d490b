"""How uncertain the future of a prompt truly is, from few samples. Knows counts only."""

from __future__ import annotations

import numpy as np

from forepath.stats.rates import smoothed
from forepath.stats.shrinkage import dirichlet_strength

REDRAWS = 16
"""Made-up worlds in which the estimator's own error is measured."""


def entropy(counts: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Nats, per row of counts (prompts, themes), such that their mean is nearly free of bias. NaN below 2 samples.

    The entropy of the shares themselves is far too low. Chao & Shen's estimator is much less so; what is left is
    measured in worlds of known odds that resemble this one, and taken off: odds are drawn for each prompt from its
    Dirichlet posterior around the base rate (`dirichlet_strength`), counts from these odds, and the estimator's error
    there is averaged over `REDRAWS` (the parametric bootstrap; Efron & Tibshirani 1993, chapter 10).

    Chosen by simulation: over 36 worlds of 12 to 45 themes at 32 samples the mean absolute bias was 0.008 nats, from
    -0.035 to +0.011; Chao & Shen's alone 0.022 (-0.094 to +0.007), Grassberger's (2003) 0.027, the posterior mean
    0.014. At 16 samples it was 0.015. `tests/stats/test_entropy.py` repeats some of them.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.dirichlet(np.full(24, 0.3), size=2000)
    >>> true = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1).mean()
    >>> bool(abs(entropy(rng.multinomial(32, p)).mean() - true) < 0.02)
    True
    """
    nats = np.full(len(counts), np.nan)
    judged = counts.sum(axis=1) >= 2
    if not judged.any():
        return nats
    known = counts[judged]
    rng = np.random.default_rng(seed)
    base = smoothed(known.sum(axis=0))
    posterior = known + dirichlet_strength(known, base) * base
    error = np.zeros(len(known))
    for _ in range(REDRAWS):
        odds = rng.standard_gamma(posterior)
        odds /= odds.sum(axis=1, keepdims=True)
        true = -(odds * np.log(np.where(odds > 0, odds, 1.0))).sum(axis=1)
        error += chao_shen(rng.multinomial(known.sum(axis=1), odds)) - true
    nats[judged] = chao_shen(known) - error / REDRAWS
    return nats


def chao_shen(counts: np.ndarray) -> np.ndarray:
    """The estimator of Chao & Shen (2003, Environ. Ecol. Stat. 10:429) in nats, per row of at least 2 samples.

    The mass of themes not yet seen is taken from the number seen once (Good & Turing), and each term is divided by the
    chance that its theme was seen at all (Horvitz & Thompson).

    >>> chao_shen(np.array([[8, 8], [16, 0]])).round(3).tolist()
    [0.693, 0.0]
    """
    total = counts.sum(axis=1, keepdims=True)
    once = (counts == 1).sum(axis=1, keepdims=True)
    once = np.where(once == total, total - 1, once)  # else a row of singles would leave no mass to what was seen
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (1.0 - once / total) * counts / total
        terms = np.where(counts > 0, shares * np.log(shares) / np.expm1(total * np.log1p(-shares)), 0.0)
    nats: np.ndarray = terms.sum(axis=1)
    return nats
