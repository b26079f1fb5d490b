"""Is one forecaster better than another? Paired by prompt, all tests of one judgement adjusted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forepath.stats.discoveries import fdr_adjusted
from forepath.stats.paired import paired_shifts

RATE = 0.05
"""Of false discoveries among those called better or worse."""


def contrasts(
    losses: Mapping[str, np.ndarray], pairs: Sequence[tuple[str, str]], groups: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """One test per pair (one, other) and step: does `one` lose fewer nats than `other` on the same prompts?

    `losses`: name -> (prompts, horizon), NaN where not judged. Student's t on the mean of the prompts' differences
    (with `groups` whole groups are the units), Benjamini and Hochberg (1995) over all pairs and steps.
    """
    clusters = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    found: list[dict[str, Any]] = []
    for one, other in pairs:
        shifts = paired_shifts(losses[one] - losses[other], clusters)
        low, high = shifts.interval()
        p = shifts.p_moved()
        for h in range(losses[one].shape[1]):
            numbers = {"difference": shifts.shift[h], "low": low[h], "high": high[h], "p": p[h]}
            found.append(
                {"one": one, "other": other, "step": h + 1, "n_prompts": int(shifts.n[h])}
                | {name: float(value) for name, value in numbers.items()}
            )
    adjusted = fdr_adjusted(np.array([row["p"] for row in found])) if found else np.zeros(0)
    for row, q in zip(found, adjusted.tolist(), strict=True):
        row["q"] = q
        better = "better" if row["difference"] < 0 else "worse"
        row["verdict"] = better if q <= RATE else "not told apart"  # NaN, too: too few prompts
    return found
