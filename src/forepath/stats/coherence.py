"""P(A), P(A | B) and P(B) from different places that do not fit: the nearest that do. Knows probabilities only.

They fit if P(A and B) = P(A | B) P(B) is at most P(A), and P(A) - P(A and B) at most 1 - P(B). Incoherent odds can be
made to lose whatever happens (de Finetti 1937). Nearest is in relative entropy: each number given is taken as so many
observations of its own event, and the odds of the four cases are those under which all of them are likeliest (as the
coherent approximation of Predd et al. 2008 does with squared distance).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forepath.errors import InputError


@dataclass(frozen=True, slots=True)
class Coherent:
    """Odds that fit together, and how far they had to be moved."""

    a: float
    """P(A)"""
    a_given_b: float
    b: float
    """P(B)"""
    a_without_b: float
    """P(A | not B), which follows from the others; NaN if B is certain."""
    correction: tuple[float, float, float]
    """What was added to the P(A), P(A | B) and P(B) given."""

    @property
    def moved(self) -> float:
        """The largest correction, in probability: 0 if they fitted."""
        return max(map(abs, self.correction))


def coherent(
    a: float, a_given_b: float, b: float, *, weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Coherent:
    """The nearest coherent odds. `weights`: how sure each number is, in observations; only their ratios matter.

    Raises `InputError` for numbers outside [0, 1] or weights that are not positive.

    >>> coherent(0.5, 0.8, 0.5).correction  # they fit: nothing is changed
    (0.0, 0.0, 0.0)
    >>> found = coherent(0.3, 0.9, 0.6)  # A and B alone would be 0.54, more than A
    >>> found.a_given_b * found.b <= found.a + 1e-9, found.moved > 0.05
    (True, True)
    """
    given = np.array([a, a_given_b, b], dtype=float)
    if not ((given >= 0) & (given <= 1)).all() or not all(w > 0 for w in weights):
        raise InputError(
            f"P(A)={a}, P(A|B)={a_given_b}, P(B)={b}, weights {weights}; wanted odds in [0, 1] and weights above 0"
        )
    if _fits(given):
        return _of(given, given)
    return _of(_nearest(given, np.array(weights, dtype=float)), given)


def _fits(odds: np.ndarray) -> bool:
    both = odds[1] * odds[2]
    return bool(both <= odds[0] + 1e-12 and odds[0] - both <= 1 - odds[2] + 1e-12)


def _nearest(given: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The likeliest odds lie where one of the four cases is impossible: one of two curves, searched on each."""
    from scipy.optimize import minimize

    # both fits are convex sets' edges: P(A and B) = P(A), or P(A or B) = 1; on each, two numbers are free
    def below(at: np.ndarray) -> np.ndarray:
        return np.array([at[0] * at[1], at[0], at[1]])  # all of A lies in B

    def above(at: np.ndarray) -> np.ndarray:
        return np.array([1.0 - at[1] * (1.0 - at[0]), at[0], at[1]])  # nothing lies outside of both

    edge = below if given[1] * given[2] > given[0] else above

    def loss(at: np.ndarray) -> float:
        odds = np.clip(edge(at), 1e-12, 1 - 1e-12)
        told = np.clip(given, 1e-12, 1 - 1e-12)
        apart = told * np.log(told / odds) + (1 - told) * np.log((1 - told) / (1 - odds))
        return float((weights * apart).sum())

    starts = np.array([given[1:], [given[1], 0.5], [0.5, given[2]]])
    bounds = [(0.0, 1.0)] * 2
    found = [minimize(loss, np.clip(s, 0.01, 0.99), bounds=bounds, method="L-BFGS-B") for s in starts]
    best: np.ndarray = edge(min(found, key=lambda f: float(f.fun)).x)
    return best


def _of(odds: np.ndarray, given: np.ndarray) -> Coherent:
    a, a_given_b, b = (float(v) for v in odds)
    without = float(np.clip((a - a_given_b * b) / (1 - b), 0.0, 1.0)) if b < 1 else float("nan")
    first, second, third = (odds - given).tolist()
    return Coherent(a, a_given_b, b, without, (first, second, third))
