"""Shifts foretold from activations alone: the same prompts read before and after a change, nothing written.

And how good that is: over many changes, the foretold beside the sampled shifts. Knows arrays, not models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from forepath.errors import InputError, InterventionError
from forepath.records import Effect, Futures
from forepath.stats.bootstrap import Estimate, percentile_interval, resamples
from forepath.stats.paired import Shifts, paired_shifts

if TYPE_CHECKING:
    from forepath.records import Forecast


class Predicts(Protocol):
    """A fitted forecaster."""

    def predict(self, activations: np.ndarray) -> Forecast:
        """Row i depends on row i of `activations` only."""
        ...


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Foretold shifts of P(theme at step h)."""

    themes: tuple[str, ...]
    shift: np.ndarray
    """(horizon, themes) mean over prompts of after minus before."""
    se: np.ndarray
    """(horizon, themes) from prompt to prompt; the forecaster's own error is not in it (see `Agreement`)."""
    prompts: int

    def effects(self) -> list[Effect]:
        """Rows named like those of a sampled comparison, `step 1: story`; n is the number of prompts."""
        flat = Shifts(self.shift.ravel(), self.se.ravel(), np.full(self.shift.size, self.prompts - 1),
                      np.full(self.shift.size, self.prompts), np.full(self.shift.size, self.prompts))  # fmt: skip
        low, high = flat.interval()
        names = [f"step {h + 1}: {t}" for h in range(len(self.shift)) for t in self.themes]
        return [Effect(name, float(flat.shift[i]), float(low[i]), float(high[i]), self.prompts, 0, kind="foreseen")
                for i, name in enumerate(names)]  # fmt: skip


def foresee(forecaster: Predicts, before: np.ndarray, after: np.ndarray) -> Foreseen:
    """Read `forecaster` on activations (prompts, width) of the same prompts, before and after a change.

    Raises `InterventionError` where no activation differs: the change does not reach the place where the forecaster
    reads (it lies in a later block, or acts on written tokens only), and a shift of zero would be a guess. The
    forecaster was fitted before the change; see `realigning` for whether it may be read after it.
    """
    if before.shape != after.shape:
        raise InputError(f"activations of shape {before.shape} before and {after.shape} after; read the same prompts")
    if np.array_equal(before, after, equal_nan=True):
        raise InterventionError(
            "the activations are the same before and after: the change does not reach the site that is read; read a "
            "later one (the last block, logits), or sample"
        )
    one, other = forecaster.predict(before), forecaster.predict(after)
    differences = (other.steps - one.steps).reshape(len(before), -1)
    found = paired_shifts(differences)
    shape = one.steps.shape[1:]
    return Foreseen(one.themes, found.shift.reshape(shape), found.se.reshape(shape), len(before))


def sampled_shift(before: Futures, after: Futures) -> tuple[np.ndarray, np.ndarray]:
    """((horizon, themes) shift, its standard error) of what samples of the same prompts went on to write."""
    if before.themes != after.themes or before.steps.shape[::2] != after.steps.shape[::2]:
        raise InputError("futures of other prompts, themes or steps; label both sides with one codebook")
    difference = after.frequencies()[0] - before.frequencies()[0]
    unit = np.full(difference[0].size, 1 / before.steps.shape[1])
    found = paired_shifts(difference.reshape(len(difference), -1), unit=unit)
    return found.shift.reshape(difference.shape[1:]), found.se.reshape(difference.shape[1:])


@dataclass(frozen=True, slots=True)
class Agreement:
    """Foretold beside sampled shifts, over changes and measures."""

    rank: Estimate
    """Spearman's correlation; the interval draws changes again."""
    ceiling: float
    """What the sampling noise leaves of a perfect foresight's correlation (Spearman 1904): sqrt of the reliability. Of
    the ranks where two halves of the samples are given, which is lower: most shifts are near nothing, and their order
    is noise; else of the values."""
    slope: Estimate
    """Of sampled on foretold: 1 is calibrated, below 1 foretells too much."""
    error: float
    """Root mean squared error of the foretold shifts, the sampling variance taken off; in shares."""
    error_high: float
    """Upper end of the 95 % interval of the error with the sampling noise left in, changes drawn again: what to decide
    by. With few samples the error itself comes out as nothing, which is not knowing."""
    samples: float
    """How many samples per prompt give a sampled shift of the same squared error; infinite for a foresight as good as
    the samples can show."""


def agreement(
    foretold: np.ndarray,
    sampled: np.ndarray,
    se: np.ndarray,
    samples: int,
    *,
    halves: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
) -> Agreement:
    """(changes, measures) each; `se` of the sampled shifts, from `samples` per prompt. NaN cells are left out.

    `halves`: the sampled shifts by the first and by the second half of each prompt's samples. Raises `InputError` for
    fewer than 3 changes: an interval over changes needs some.
    """
    if foretold.ndim != 2 or foretold.shape != sampled.shape or foretold.shape != se.shape or len(foretold) < 3:
        raise InputError(
            f"shifts of {foretold.shape}, {sampled.shape}, {se.shape}; wanted (changes, measures), 3 changes"
        )
    draws = resamples(len(foretold), seed, 400)
    counts = np.round(draws * len(foretold)).astype(int)
    drawn = np.array([_both(*(a[np.repeat(np.arange(len(a)), n)] for a in (foretold, sampled))) for n in counts])
    rank, slope = _both(foretold, sampled)
    known = ~np.isnan(foretold) & ~np.isnan(sampled) & ~np.isnan(se)
    noise = float((se[known] ** 2).mean())
    spread = float(sampled[known].var())
    squared = float(((foretold - sampled)[known] ** 2).mean()) - noise
    worst = _upper(np.where(known, (foretold - sampled) ** 2, np.nan), counts)
    return Agreement(
        Estimate(rank, *percentile_interval(drawn[:, 0])),
        _ceiling(noise, spread) if halves is None else _rank_ceiling(*halves),
        Estimate(slope, *percentile_interval(drawn[:, 1])),
        float(np.sqrt(max(0.0, squared))),
        float(np.sqrt(worst)),
        samples * noise / squared if squared > 0 else float("inf"),
    )


def _ceiling(noise: float, spread: float) -> float:
    return float(np.sqrt(max(0.0, 1 - noise / spread))) if spread > 0 else float("nan")


def _rank_ceiling(one: np.ndarray, other: np.ndarray) -> float:
    """From the rank correlation of two halves that of the whole with the truth (Spearman 1910, Brown 1910)."""
    half = max(0.0, _both(one, other)[0])
    return float(np.sqrt(2 * half / (1 + half)))


def _upper(squares: np.ndarray, counts: np.ndarray) -> float:
    """Upper end of the mean of (changes, measures), changes drawn `counts` (draws, changes) times."""
    seen = ~np.isnan(squares)
    sums, cells = np.where(seen, squares, 0.0).sum(axis=1), seen.sum(axis=1)
    return percentile_interval((counts @ sums) / (counts @ cells))[1]


def _both(foretold: np.ndarray, sampled: np.ndarray) -> tuple[float, float]:
    """(rank correlation, slope through the means)."""
    from scipy.stats import rankdata

    known = ~np.isnan(foretold) & ~np.isnan(sampled)
    x, y = foretold[known], sampled[known]
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return float("nan"), float("nan")
    ranks: Sequence[np.ndarray] = [rankdata(x), rankdata(y)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]), float(np.cov(x, y)[0, 1] / x.var(ddof=1))
