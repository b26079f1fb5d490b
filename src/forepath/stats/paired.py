"""Did a mean move, and did it stay? Paired differences by prompt, with intervals that know that prompts share luck.

Knows numbers per prompt, not what they measure. All tests are Student's t on the mean of the prompts' differences, the
variance taken over clusters (Liang and Zeger 1986, Biometrika 73:13): under "nothing changed" a difference is as likely
as its negative, and there t is conservative in the tails however the differences are distributed (Efron 1969, JASA
64:1278). Staying is shown by two one-sided tests against a margin (TOST; Schuirmann 1987, J. Pharmacokinet. Biopharm.
15:657); "no difference found" is no evidence for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Shifts:
    """One entry per measure (all arrays (measures,))."""

    shift: np.ndarray
    """Mean over prompts of after minus before."""
    se: np.ndarray
    """Its standard error."""
    df: np.ndarray
    """Degrees of freedom: clusters less one; below 1 nothing can be said."""
    n: np.ndarray
    """int: prompts with a difference."""
    signs: np.ndarray
    """int: clusters whose difference is not 0."""

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """(low, high); NaN where nothing can be said."""
        from scipy.stats import t

        half = self.se * t.ppf(0.5 + level / 2, np.maximum(self.df, 1))
        return self.shift - half, self.shift + half

    def p_moved(self) -> np.ndarray:
        """Two-sided p-values of "the mean did not move"; NaN where nothing can be said.

        Never below 2^(1 - signs), the chance that so many differences all have one sign: what a test that flips signs
        at random could reach at best (Fisher 1935, The Design of Experiments, section 21).
        """
        from scipy.stats import t

        p = 2 * t.sf(np.abs(self._ratio(self.shift)), np.maximum(self.df, 1))
        return np.asarray(np.minimum(np.maximum(p, 2.0 ** (1 - np.minimum(self.signs, 1000))), 1.0))

    def p_same(self, margin: np.ndarray) -> np.ndarray:
        """p-values of "the mean moved by `margin` (measures,) or more", the larger of the two one-sided ones."""
        from scipy.stats import t

        df = np.maximum(self.df, 1)
        below, above = (t.sf(self._ratio(margin + sign * self.shift), df) for sign in (1, -1))
        return np.asarray(np.maximum(below, above))

    def _ratio(self, distance: np.ndarray) -> np.ndarray:
        """`distance` in standard errors; infinite for one that is certain, 0 for none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = distance / self.se
        return np.where((self.se == 0) & (distance == 0), 0.0, ratio)


def paired_shifts(
    differences: np.ndarray, clusters: np.ndarray | None = None, unit: np.ndarray | None = None
) -> Shifts:
    """From `differences` (prompts, measures), NaN where a prompt has none.

    `clusters` (prompts,) int: prompts of one number share their luck; None: each is its own. `unit` (measures,):
    the least difference a prompt can have (one sample of S: 1/S). Two made-up prompts, plus and minus that much away,
    are added to the squares, so that a rare thing of which no difference happened to be seen is not certain not to move
    (Agresti and Caffo 2000, Am. Stat. 54:280, add as much).

    >>> s = paired_shifts(np.array([[0.1], [0.2], [0.3], [np.nan]]))
    >>> s.shift.round(3).tolist(), s.n.tolist(), s.p_moved().round(3).tolist()
    ([0.2], [3], [0.25])
    """
    seen = ~np.isnan(differences)
    n = seen.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.where(seen, differences, 0.0).sum(axis=0) / n
    rest = np.where(seen, differences - np.where(n, shift, 0.0), 0.0)
    groups, squares, signs = n, (rest**2).sum(axis=0), (seen & (differences != 0)).sum(axis=0)
    if clusters is not None:
        number = int(clusters.max(initial=-1)) + 1
        sums, whole = np.zeros((number, rest.shape[1])), np.zeros((number, rest.shape[1]))
        present = np.zeros(sums.shape, dtype=bool)
        np.add.at(sums, clusters, rest)
        np.add.at(whole, clusters, np.where(seen, differences, 0.0))
        np.logical_or.at(present, clusters, seen)
        groups, squares, signs = present.sum(axis=0), (sums**2).sum(axis=0), (np.abs(whole) > 1e-12).sum(axis=0)
    extra = 0.0 if unit is None else 2 * unit**2
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (squares + extra) * groups / ((groups - 1) * n.astype(float) ** 2)
    se = np.where(groups >= 2, np.sqrt(variance), np.nan)
    return Shifts(shift, se, groups - 1, n, signs)
