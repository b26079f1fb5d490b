"""How far the shares of a few samples should be pulled towards the base rate. Knows counts only."""

from __future__ import annotations

import numpy as np


def shrunk(counts: np.ndarray, base: np.ndarray, strength: float | np.ndarray) -> np.ndarray:
    """(counts + strength base) / (n + strength): the posterior mean under a Dirichlet prior around `base`.

    counts (..., themes), base broadcasts to it and is positive, strength > 0 in samples.

    >>> shrunk(np.array([2, 0]), np.array([0.5, 0.5]), 2.0).tolist()
    [0.75, 0.25]
    """
    weighted = np.asarray(strength)[..., None] if np.ndim(strength) else strength
    shares: np.ndarray = (counts + weighted * base) / (counts.sum(axis=-1, keepdims=True) + weighted)
    return shares


def dirichlet_strength(counts: np.ndarray, base: np.ndarray) -> float:
    """The strength, in samples, under which the counts of many prompts are likeliest: empirical Bayes.

    Maximum of the Dirichlet-multinomial likelihood with mean `base` (Minka 2000, "Estimating a Dirichlet
    distribution"), between 0.01 (prompts have nothing in common) and 10,000 (prompts do not differ). counts (prompts,
    themes); base (themes,) or (prompts, themes), positive. With fewer than two samples in every prompt it is 1.

    >>> rng = np.random.default_rng(0)
    >>> base = np.array([0.5, 0.3, 0.2])
    >>> counts = np.array([rng.multinomial(16, p) for p in rng.dirichlet(4 * base, size=3000)])
    >>> round(dirichlet_strength(counts, base))
    4
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    total = counts.sum(axis=1)
    if not (total > 1).any():
        return 1.0

    def loss(log_strength: float) -> float:
        strength = float(np.exp(log_strength))
        prior = strength * np.broadcast_to(base, counts.shape)
        fit = (gammaln(counts + prior) - gammaln(prior)).sum(axis=1) + gammaln(strength) - gammaln(total + strength)
        return -float(fit.sum())

    found = minimize_scalar(loss, bounds=(np.log(0.01), np.log(1e4)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))
