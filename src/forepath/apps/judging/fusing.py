"""A forecast and a few real samples together: the rows `fusion@K`, and the samples it saves at equal error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from forepath.apps.judging.case import Case
from forepath.apps.judging.early import Early
from forepath.apps.judging.standing import affordable, row_of
from forepath.forecasters.fusion import Fusion
from forepath.records import Forecast
from forepath.stats.fusion import saved
from forepath.stats.rates import theme_counts

RAW = (8, 16, 32, 64)
"""Raw samples whose error the fusion must reach."""


def strengths_of(early: Early) -> list[float]:
    """Per step, how many samples the forecast counts for: learned on validation prompts."""
    return list(Fusion.fit(early.on_aside, early.after_aside).strengths)


def fusions(
    case: Case, strengths: Sequence[float], forecast: Forecast
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(rows `fusion@K` with the fields of a score, samples saved per step).

    A prompt's K samples update its forecast, which counts for `strengths` samples; its other samples judge it, as for
    `mc_shrunk@K`.
    """
    rows = [
        row_of(score)
        for k in affordable(case.settings.samples)
        for score in case.judge.fused(f"fusion@{k}", k, forecast, strengths)
    ]
    counts = theme_counts(case.futures(case.test))
    savings = []
    for h in range(case.judge.horizon):
        for raw in RAW:
            found = saved(
                raw, forecast.steps[:, h], case.judge.base[h], counts[:, h], strength=strengths[h],
                base_strength=case.judge.strengths[h], seed=case.settings.seed,
            )  # fmt: skip
            savings.append({"step": h + 1, "strength": strengths[h], **asdict(found)})
    return rows, savings
