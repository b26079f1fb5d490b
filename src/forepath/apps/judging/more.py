"""Monte Carlo with as many samples as the run has: judged by new samples of some of its test prompts.

A row `mc@32` of a run with 32 samples a prompt has nothing left to be judged by. New samples of the same prompts under
the same policy are put beside the run's own; any `k` of them forecast, the others judge, as for the smaller `k`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case, Missing
from forepath.apps.judging.fresh import Asked, samples_of, written
from forepath.apps.judging.standing import SAMPLES, affordable, row_of
from forepath.records import Forecast

NAME = "more samples"


def within_reach(case: Case) -> list[int]:
    """The numbers of samples that the run's own do not allow and new ones would."""
    own = case.settings.samples
    return [k for k in affordable(own + samples_of(case)) if k not in affordable(own)]


def more(
    case: Case, strengths: Sequence[float], forecast: Forecast, asked: Sequence[Asked]
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray], list[Missing]]:
    """(rows `mc@k`, `mc_shrunk@k`, `fusion@k` with the fields of a score, name -> (test prompts, horizon) nats with NaN
    where nothing new was drawn, what could not be done). `forecast`: the run's; `strengths`: what it counts for.
    """
    found = next((a for a in asked if a.name == NAME), None)
    reached = within_reach(case) if found is not None else []
    rows: list[dict[str, Any]] = []
    losses: dict[str, np.ndarray] = {}
    if found is not None and reached:
        new, own = written(case, found), case.futures(found.rows)
        both = replace(own, steps=np.concatenate([own.steps, new.steps], axis=1))
        bench, places = case.judge_of(both, found.rows), np.searchsorted(case.test, found.rows)
        mine = case.forecast(forecast.steps[places])
        for k in reached:
            scores = [*bench.monte_carlo(k, shrink=False), *bench.monte_carlo(k, shrink=True)]
            rows += [row_of(score) for score in (*scores, *bench.fused(f"fusion@{k}", k, mine, strengths))]
            lost = np.full((len(case.test), case.judge.horizon), np.nan)
            lost[places] = bench.sampled_losses(k)
            losses[f"mc_shrunk@{k}"] = lost
    return rows, losses, _lost(case, reached)


def _lost(case: Case, reached: Sequence[int]) -> list[Missing]:
    own = case.settings.samples
    lost = [k for k in SAMPLES if k not in affordable(own) and k not in reached]
    reason = f"{own} samples a prompt were drawn, and two must be left to judge by; "
    never = f"{samples_of(case)} new ones of some test prompts do not do either"
    unpaid = "--budget MINUTES draws new ones of some test prompts"
    return [
        Missing(name, reason + (unpaid if k in within_reach(case) else never))
        for k in lost
        for name in (f"mc@{k}", f"mc_shrunk@{k}")
    ]
