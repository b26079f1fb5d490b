"""Sample only as long as one must: prompts one after another until everything that is asked is decided.

Where foresight is sure enough nothing is sampled for it. What the samples decide holds at any stopping time, for all
measures together (e-values by betting, see `stats.betting`); what foresight decides holds as far as its error, measured
on earlier changes, is normal and carries over, and is marked as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import InputError
from forepath.stats.betting import Bets, e_discoveries

MOVED, SAME, OPEN = "moved", "same", "open"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one measure."""

    measure: str
    says: str
    """"moved", "same" (by less than the margin) or "open"."""
    by: str
    """"samples", "foresight", or "" while it is open."""
    shift: float
    """Sampled mean so far; the foretold one where nothing was sampled."""
    low: float
    high: float
    """95 % confidence sequence: may be looked at any time; of a foretold shift, its normal interval."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All verdicts, and what they cost."""

    verdicts: tuple[Verdict, ...]
    prompts: int
    """Prompts that were sampled, on both sides."""
    asked: int
    """Measures that foresight left open at the start."""


def decide(
    more: Callable[[int], np.ndarray],
    measures: Sequence[str],
    *,
    margin: float,
    rate: float = 0.05,
    most: int = 1000,
    foretold: np.ndarray | None = None,
    error: float = float("inf"),
    sure: float = 3.0,
) -> Decision:
    """Ask for prompt after prompt until every measure moved, stayed, or `most` prompts were sampled.

    `more(i)` gives the differences (measures,) in [-1, 1] of prompt i, after minus before, NaN where unmeasured;
    prompts in a random order. `foretold` (measures,) with the root mean squared `error` of foresight
    (`Agreement.error_high`, measured on other changes): a measure foretold to lie `sure` errors beyond the margin, or
    as far within it, is not sampled for. Raises `InputError`.
    """
    check_limits(rate, margin, most)
    count = len(measures)
    guess = np.full(count, np.nan) if foretold is None else np.asarray(foretold, dtype=float)
    with np.errstate(invalid="ignore"):
        known = np.abs(guess) - sure * error > margin
        still = np.abs(guess) + sure * error < margin
    open_ones = np.flatnonzero(~(known | still))
    bets, total, seen, used = Bets(len(open_ones), rate), np.zeros(len(open_ones)), np.zeros(len(open_ones)), 0
    moved = same = np.zeros(len(open_ones), dtype=bool)  # by the e-values of the moment: those at the stop are valid
    while used < most and not (moved | same).all():
        values = np.asarray(more(used), dtype=float)[open_ones]
        if values.shape != (len(open_ones),) or (np.abs(values[~np.isnan(values)]) > 1).any():
            raise InputError(f"prompt {used}: wanted {count} differences in [-1, 1]")
        bets.add(values)
        total, seen, used = total + np.nan_to_num(values), seen + ~np.isnan(values), used + 1
        moved = e_discoveries(bets.against_no_shift(), rate)
        same = e_discoveries(bets.against_shift(margin), rate) & ~moved
    low, high = bets.interval(rate)
    verdicts = [_foretold(m, g, k, s, error) for m, g, k, s in zip(measures, guess, known, still, strict=True)]
    for j, i in enumerate(open_ones.tolist()):
        says = MOVED if moved[j] else SAME if same[j] else OPEN
        shift = float(total[j] / seen[j]) if seen[j] else float("nan")
        by = "" if says == OPEN else "samples"
        verdicts[i] = Verdict(measures[i], says, by, shift, float(low[j]), float(high[j]))
    return Decision(tuple(verdicts), used, len(open_ones))


def check_limits(rate: float, margin: float, most: int) -> None:
    """Raises `InputError` for what `decide` does not take."""
    if not (0 < rate < 1 and 0.02 <= margin < 1 and most >= 1):
        raise InputError(
            f"rate={rate}, margin={margin}, most={most}; wanted a rate in (0, 1), a margin from 0.02 to 1, at least 1"
        )


def _foretold(measure: str, guess: float, moved: bool, still: bool, error: float) -> Verdict:
    says = MOVED if moved else SAME if still else OPEN
    return Verdict(measure, says, "foresight", float(guess), float(guess - 1.96 * error), float(guess + 1.96 * error))
