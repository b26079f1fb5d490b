"""Two runs of the same prompts: what the first run's forecaster foretells of the second, beside what was sampled.

Judged on the test prompts of the first run; what the map between their activations needs is fitted on the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forepath.apps.labelling import read_folds
from forepath.apps.runs import OpenRun
from forepath.apps.terminal import plain
from forepath.effects.foreseeing import Foreseen, foresee, sampled_shift
from forepath.effects.realigning import Transfer, align, transfer
from forepath.errors import InterventionError

LISTED = 8


@dataclass(frozen=True, slots=True)
class Foretold:
    """Foretold and sampled shifts of the theme at every step."""

    site: str
    foreseen: Foreseen
    sampled: np.ndarray
    """(horizon, themes)"""
    se: np.ndarray
    """(horizon, themes) of the sampled shifts."""
    rank: float
    """Spearman's correlation over steps and themes; NaN where nothing varies."""
    transfer: Transfer
    """What the forecaster loses on the second run, read as it is and realigned."""

    def __str__(self) -> str:
        """The foretold shifts beside the sampled ones, unless the forecaster may not be read on the changed subject."""
        t, lost = self.transfer, (self.transfer.lost_before, self.transfer.lost_after)
        heading = f"## Foretold from activations alone ({self.site}, {self.foreseen.prompts} test prompts)"
        checked = (
            f"On what the changed subject wrote, the forecaster loses {lost[0].value:+.1%} [{lost[0].low:+.1%}, "
            f"{lost[0].high:+.1%}] of its cross-entropy ({t.base:.3f} nats before), and {lost[1].value:+.1%} "
            f"[{lost[1].low:+.1%}, {lost[1].high:+.1%}] realigned;"
        )
        if not t.allowed_as_it_is:
            return (
                f"{heading}\n\n{checked} it may not be read there (at most {t.tolerance:.0%}): take the sampled shifts."
            )
        steps, themes = self.sampled.shape
        cells = [(h, k) for h in range(steps) for k in range(themes)]
        cells.sort(key=lambda c: -max(abs(self.foreseen.shift[c]), abs(self.sampled[c])))
        rows = [
            f"| step {h + 1}: {plain(self.foreseen.themes[k])} | {self.foreseen.shift[h, k]:+.3f} | "
            f"{self.sampled[h, k]:+.3f} ± {1.96 * self.se[h, k]:.3f} |"
            for h, k in cells[:LISTED]
        ]
        said = (
            f"{checked} it may be read there (at most {t.tolerance:.0%}). Rank correlation over {len(cells)} shifts: "
        )
        return "\n".join(
            [heading, "", "| theme | foretold | sampled |", "|---|---|---|", *rows, "", f"{said}{self.rank:.2f}."]
        )


def foretell(before: OpenRun, after: OpenRun) -> Foretold | InterventionError:
    """Both runs of the same prompts and codebook, the first with a forecaster.

    An `InterventionError` is returned where the change does not reach the site that the forecaster reads. Raises
    `RunIncompleteError` if the first run has no forecaster.
    """
    forecaster: Any = before.forecaster
    site = forecaster.origin.site
    sides = [read_folds(run.store, before.settings) for run in (before, after)]
    read = [run.store.arrays("activations", site) for run in (before, after)]
    test, known = sides[0].where("test"), sides[0].where("train", "validation")
    try:
        foreseen = foresee(forecaster, read[0][test], read[1][test])
    except InterventionError as error:
        return error
    old, new = (side.of("test") for side in sides)
    sampled, se = sampled_shift(old, new)
    mapped = align(read[1][known], read[0][known])
    return Foretold(
        site,
        foreseen,
        sampled,
        se,
        _rank(foreseen.shift.ravel(), sampled.ravel()),
        transfer(forecaster, mapped, (read[0][test], old), (read[1][test], new)),
    )


def _rank(foretold: np.ndarray, sampled: np.ndarray) -> float:
    from scipy.stats import rankdata

    seen = ~np.isnan(sampled)
    ranks = rankdata(foretold[seen]), rankdata(sampled[seen])
    if min(r.std() for r in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
