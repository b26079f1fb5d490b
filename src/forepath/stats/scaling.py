"""Maps that make odds honest, fitted on prompts that the forecaster has not seen. Knows odds and counts only.

From few numbers to many: temperature (`calibration.fit_temperature`), vector scaling (a scale and a shift of the log
odds of every theme), isotonic (any rising curve per theme). The more numbers, the more validation prompts it takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class VectorScaling:
    """softmax(scale x log odds + shift) (Guo et al. 2017, arXiv:1706.04599)."""

    scale: np.ndarray
    """(themes,)"""
    shift: np.ndarray
    """(themes,)"""

    def apply(self, odds: np.ndarray) -> np.ndarray:
        """(..., themes), positive -> the same."""
        logits = self.scale * np.log(odds) + self.shift
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        scaled: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
        return scaled


def fit_vector_scaling(odds: np.ndarray, counts: np.ndarray, *, hold: float = 1.0) -> VectorScaling:
    """The map with the least cross-entropy on the counts (prompts, themes); odds positive.

    Scales and shifts are held at 1 and 0 as if `hold` / 2 nats were lost by being 1 off: with little to learn from it
    does nothing. Convex; by L-BFGS.

    >>> odds = np.tile([[0.5, 0.5], [0.8, 0.2]], (500, 1))
    >>> counts = np.tile([[2, 8], [5, 5]], (500, 1))  # the second theme comes more often than it says
    >>> fit_vector_scaling(odds, counts).apply(odds[:2]).round(2).tolist()
    [[0.2, 0.8], [0.5, 0.5]]
    """
    from scipy.optimize import minimize

    logs, seen, themes = np.log(odds), counts.sum(axis=1, keepdims=True), odds.shape[1]

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        scale, shift = at[:themes], at[themes:]
        mapped = VectorScaling(scale, shift).apply(odds)
        slope = mapped * seen - counts
        held = 0.5 * hold * float(((scale - 1) ** 2).sum() + (shift**2).sum())
        gradient = np.concatenate([(slope * logs).sum(axis=0) + hold * (scale - 1), slope.sum(axis=0) + hold * shift])
        return -float((counts * np.log(np.maximum(mapped, 1e-300))).sum()) + held, gradient

    start = np.concatenate([np.ones(themes), np.zeros(themes)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return VectorScaling(found[:themes], found[themes:])


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising step curve per theme, then scaled to sum to 1 (Zadrozny & Elkan 2002)."""

    knots: np.ndarray
    """(themes, most) odds, padded with the last."""
    values: np.ndarray
    """(themes, most)"""

    def apply(self, odds: np.ndarray) -> np.ndarray:
        """(..., themes) -> the same; even odds where every curve is at 0."""
        mapped = np.stack([np.interp(odds[..., t], self.knots[t], self.values[t]) for t in range(len(self.knots))], -1)
        total = mapped.sum(axis=-1, keepdims=True)
        even = np.full_like(mapped, 1.0 / mapped.shape[-1])
        scaled: np.ndarray = np.divide(mapped, total, out=even, where=total > 0)
        return scaled


def fit_isotonic(odds: np.ndarray, counts: np.ndarray) -> Isotonic:
    """Per theme the rising curve nearest to the prompts' shares, weighted by their samples (scikit-learn).

    A theme of which the counts hold nothing keeps its odds.

    >>> odds = np.array([[0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    >>> fit_isotonic(odds, np.array([[1, 9], [5, 5], [5, 5]])).apply(odds).round(1).tolist()
    [[0.1, 0.9], [0.5, 0.5], [0.5, 0.5]]
    """
    from sklearn.isotonic import IsotonicRegression

    seen = counts.sum(axis=1)
    shares = counts[seen > 0] / seen[seen > 0, None]
    curves = []
    for theme in range(odds.shape[1]):
        if not counts[:, theme].any():
            curves.append((np.array([0.0, 1.0]), np.array([0.0, 1.0])))
            continue
        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
            odds[seen > 0, theme], shares[:, theme], sample_weight=seen[seen > 0]
        )
        curves.append((np.asarray(fitted.X_thresholds_, float), np.asarray(fitted.y_thresholds_, float)))
    most = max(len(knots) for knots, _ in curves)
    return Isotonic(*(np.stack([np.pad(c[i], (0, most - len(c[i])), mode="edge") for c in curves]) for i in range(2)))
