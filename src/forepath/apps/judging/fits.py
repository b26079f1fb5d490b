"""Fitting the entrants: once to all known prompts, and again to prompts drawn again, for the spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.together import results, together
from forepath.errors import ForepathError
from forepath.protocols import Forecaster
from forepath.records import Forecast
from forepath.stats.redraws import redrawn

T = TypeVar("T")


def forecast_of(case: Case, entrant: Entrant, refit: int = 0) -> tuple[Forecast, float]:
    """(the entrant's forecast of the test prompts, seconds of fitting and forecasting).

    `refit` 0 is fitted to all known prompts: the row of the table. Others are fitted to known prompts drawn again with
    replacement (whole groups), with another seed. The test prompts stay the same.
    """

    def work() -> np.ndarray:
        features = entrant.features()
        if not refit:
            whole: Any = fitted_of(case, entrant)
            if hasattr(whole, "share"):  # of what it learned beyond the linear chains it starts from
                case.kept.note(share_key(entrant), lambda: whole.share)
            return np.asarray(whole.predict(features[case.test]).steps)
        rows = case.known[redrawn(case.groups(case.known), (case.settings.seed, refit))]
        made = entrant.make(case.settings.seed + refit).fit(features[rows], case.futures(rows))
        return made.predict(features[case.test]).steps

    odds, seconds = case.kept.odds(key_of(entrant, refit), work)
    return case.forecast(odds), seconds


def key_of(entrant: Entrant, refit: int) -> str:
    """What a fit is kept by."""
    return f"{entrant.key} refit {refit}"


def share_key(entrant: Entrant) -> str:
    """What is kept under it: the share of what a trained forecaster learned that helped on prompts kept aside."""
    return f"{entrant.key} share"


def forecasts_of(
    case: Case, wanted: Sequence[tuple[Entrant, int]], *, stage: str
) -> list[tuple[Forecast, float] | Exception]:
    """`forecast_of` each of these (entrant, refit), or what it raised: those that may be, side by side."""
    works = [
        (e, key_of(e, refit), f"{e.name}, fit {refit}" if refit else e.name, partial(forecast_of, case, e, refit))
        for e, refit in wanted
    ]
    return side_by_side(case, works, stage=stage)


def side_by_side(
    case: Case, works: Sequence[tuple[Entrant, str, str, Callable[[], T]]], *, stage: str
) -> list[T | Exception]:
    """What each (entrant, key of the odds it makes, name, work) gave or raised. What is read of models is read first,
    one after the other; then come the quick works, a core each, then those that need all cores.
    """
    failed: dict[int, Exception] = {}
    for i, (entrant, key, _, _) in enumerate(works):
        if not case.kept.has_odds(key):
            case.report(f"{stage}: read", i, len(works), entrant.name)
            try:
                entrant.features()
            except ForepathError as error:
                failed[i] = error
    case.report(f"{stage}: read", len(works), len(works))
    found: dict[int, T | Exception] = dict(failed)
    for cores in (None, 1):
        chosen = [i for i, work in enumerate(works) if work[0].whole is (cores == 1) and i not in failed]
        if chosen:
            named = [(works[i][2], works[i][3]) for i in chosen]
            label = stage if cores is None else f"{stage}: train"
            found |= zip(chosen, together(named, stage=label, report=case.report, cores=cores), strict=True)
    return [found[i] for i in range(len(works))]


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
    refits = range(1, case.options.seeds + 1)
    made = results(forecasts_of(case, [(e, refit) for e in entrants for refit in refits], stage="seeds"))
    for i, entrant in enumerate(entrants):
        mine = made[i * len(refits) : (i + 1) * len(refits)]
        each = np.array([_means(case.judge.losses(forecast)) for forecast, _ in mine])
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
    return found


def _means(losses: np.ndarray) -> list[float]:
    """Per step, over the prompts that are judged; NaN where none is."""
    return [float(column[~np.isnan(column)].mean()) if (~np.isnan(column)).any() else float("nan")
            for column in losses.T]  # fmt: skip
