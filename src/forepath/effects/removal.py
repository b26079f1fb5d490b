"""Is it gone? How much of what the targets had was taken away, and whether all the rest was left as it was.

"Only this was unlearned" is two claims: one about the target, and one about everything else, which holds only if each
other theme is shown to have stayed within its margin. Knows shares per prompt and verdicts, not texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forepath.records import END, Effect
from forepath.stats.bootstrap import Estimate, percentile_interval, resamples

DRAWS = 2000


def removal(before: np.ndarray, after: np.ndarray, texts: int, seed: int = 0) -> Estimate:
    """Share of the targets' presence that is gone: 1 none is left, 0 all is, below 0 there is more.

    `before`, `after` (prompts, targets): share of a prompt's texts that have each; `texts` a side. The interval draws
    prompts again; its lower end never says more than that in so many texts 3 may be missed (the rule of three: Hanley
    and Lippman-Hand 1983, JAMA 249:1743), since none seen is not none. NaN where there was nothing to take.

    >>> before = np.array([[0.5], [0.25], [0.75]])
    >>> gone = removal(before, 0 * before, texts=12)
    >>> gone.value, gone.low, gone.high
    (1.0, 0.5, 1.0)
    """
    seen = ~(np.isnan(before) | np.isnan(after)).any(axis=1)
    had, has = before[seen].sum(axis=1), after[seen].sum(axis=1)
    if not len(had) or had.sum() == 0:
        return Estimate(*[float("nan")] * 3)
    draws = resamples(len(had), seed, DRAWS)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = 1 - (draws @ has) / (draws @ had)
    low, high = percentile_interval(drawn)
    missed = 1 - 3 / texts / float(had.mean())
    return Estimate(float(1 - has.mean() / had.mean()), min(low, missed), high)


def not_spared(effects: Sequence[Effect], targets: Sequence[str]) -> tuple[list[Effect], list[Effect], int]:
    """(other themes that moved and cannot be said to lie within their margin, those undecided, how many there are).

    Each of the rest is shown to have stayed at the rate of the comparison, so that "all stayed" needs no further
    adjustment (intersection-union: Berger 1982, Technometrics 24:295).
    """
    rest = [e for e in effects if e.kind == "theme" and e.measure.removeprefix("theme: ") not in (*targets, END)]
    return [e for e in rest if e.moved and not e.same], [e for e in rest if not e.moved and not e.same], len(rest)
