"""Fitting the entrants: once to all known prompts, and again to prompts drawn again, for the spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.entrants import Entrant
from forepath.protocols import Forecaster
from forepath.records import Forecast
from forepath.stats.redraws import redrawn


def forecast_of(case: Case, entrant: Entrant, refit: int = 0) -> tuple[Forecast, float]:
    """(the entrant's forecast of the test prompts, seconds of fitting and forecasting).

    `refit` 0 is fitted to all known prompts: the row of the table. Others are fitted to known prompts drawn again with
    replacement (whole groups), with another seed. The test prompts stay the same.
    """

    def work() -> np.ndarray:
        features = entrant.features()
        if not refit:
            return fitted_of(case, entrant).predict(features[case.test]).steps
        rows = case.known[redrawn(case.groups(case.known), (case.settings.seed, refit))]
        made = entrant.make(case.settings.seed + refit).fit(features[rows], case.futures(rows))
        return made.predict(features[case.test]).steps

    odds, seconds = case.kept.odds(f"{entrant.key} refit {refit}", work)
    return case.forecast(odds), seconds


def fitted_of(case: Case, entrant: Entrant) -> Forecaster:
    """The entrant fitted to all known prompts: the one that is kept in the run, or fitted once for all who ask."""
    if entrant.name not in case.fitted:
        features = entrant.features
        case.fitted[entrant.name] = (
            entrant.fitted()
            if entrant.fitted is not None
            else entrant.make(case.settings.seed).fit(features()[case.known], case.futures(case.known))
        )
    return case.fitted[entrant.name]


def refits_of(case: Case, entrants: Sequence[Entrant]) -> list[dict[str, Any]]:
    """Per entrant and step: mean, standard deviation, least and most cross-entropy of the further fits."""
    found = []
    total = len(entrants) * case.options.seeds
    for i, entrant in enumerate(entrants):
        losses = []
        for refit in range(1, case.options.seeds + 1):
            case.report("seeds", i * case.options.seeds + refit - 1, total, f"{entrant.name}, fit {refit}")
            rows = case.judge.losses(forecast_of(case, entrant, refit)[0])
            losses.append(_means(rows))
        each = np.array(losses)
        for h in range(each.shape[1]):
            found.append(
                {
                    "forecaster": entrant.name,
                    "step": h + 1,
                    "mean": float(each[:, h].mean()),
                    "sd": float(each[:, h].std(ddof=1)),
                    "least": float(each[:, h].min()),
                    "most": float(each[:, h].max()),
                    "fits": len(each),
                }
            )
    case.report("seeds", total, total)
    return found


def _means(losses: np.ndarray) -> list[float]:
    """Per step, over the prompts that are judged; NaN where none is."""
    return [float(column[~np.isnan(column)].mean()) if (~np.isnan(column)).any() else float("nan")
            for column in losses.T]  # fmt: skip
