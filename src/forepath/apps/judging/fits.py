"""Fitting the entrants: once to all known prompts, and again to half of them, drawn anew each time, for the spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from forepath.apps.judging.case import Case, Missing
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.together import results, together
from forepath.errors import ForepathError
from forepath.protocols import Forecaster
from forepath.records import Forecast
from forepath.stats.halves import half, widening

T = TypeVar("T")


def forecast_of(case: Case, entrant: Entrant, refit: int = 0) -> tuple[Forecast, float]:
    """(the entrant's forecast of the test prompts, seconds of fitting and forecasting).

    `refit` 0 is fitted to all known prompts: the row of the table. Others are fitted to half of the known prompts
    (whole groups), with another seed. The test prompts stay the same.
    """

    def work() -> np.ndarray:
        odds, share = odds_of(case, entrant, refit)
        note_share(case, entrant, refit, share)
        return odds

    odds, seconds = case.kept.odds(key_of(entrant, refit), work)
    return case.forecast(odds), seconds


def odds_of(case: Case, entrant: Entrant, refit: int) -> tuple[np.ndarray, float | None]:
    """Fit, and forecast the test prompts: ((test prompts, horizon, themes), the share of what it learned beyond the
    linear chains it starts from that helped on prompts kept aside; None where there is no such thing).
    """
    features = entrant.features()
    if refit:
        rows = case.known[half(case.groups(case.known), (case.settings.seed, refit))]
        made: Any = entrant.make(case.settings.seed + refit).fit(features[rows], case.futures(rows))
    else:
        made = fitted_of(case, entrant)
    return np.asarray(made.predict(features[case.test]).steps), getattr(made, "share", None)


def note_share(case: Case, entrant: Entrant, refit: int, share: float | None) -> None:
    """Keep the share of the fit to all known prompts."""
    if share is not None and not refit:
        case.kept.note(share_key(entrant), lambda: share)


def seconds_of(case: Case, entrant: Entrant) -> float:
    """Of fitting to all known prompts; the one that is kept in the run is fitted once more, for the time only."""
    if entrant.fitted is None:
        return forecast_of(case, entrant)[1]

    def work() -> np.ndarray:
        features = entrant.features()
        made = entrant.make(case.settings.seed).fit(features[case.known], case.futures(case.known))
        return made.predict(features[case.test]).steps

    return case.kept.odds(f"{entrant.key} once more", work)[1]


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


def refits_of(case: Case, entrants: Sequence[Entrant]) -> tuple[list[dict[str, Any]], list[Missing]]:
    """(per entrant and step: mean, standard deviation, least and most cross-entropy of the further fits; whose could
    not be made). The deviation is that of fits to sets of the whole size (`halves.widening`); None for one group.
    """
    found, missing = [], []
    refits = range(1, case.options.seeds + 1)
    wide = widening(case.groups(case.known))
    made = forecasts_of(case, [(e, refit) for e in entrants for refit in refits], stage="seeds")
    for i, entrant in enumerate(entrants):
        mine = made[i * len(refits) : (i + 1) * len(refits)]
        failed = next((outcome for outcome in mine if isinstance(outcome, Exception)), None)
        if isinstance(failed, ForepathError):
            missing.append(Missing(f"{entrant.name}, further fits", str(failed)))
            continue
        each = np.array([_means(case.judge.losses(forecast)) for forecast, _ in results(mine)])
        for h in range(each.shape[1]):
            sd = wide * float(each[:, h].std(ddof=1))
            found.append(
                {
                    "forecaster": entrant.name,
                    "step": h + 1,
                    "mean": float(each[:, h].mean()),
                    "sd": sd if np.isfinite(sd) else None,
                    "least": float(each[:, h].min()),
                    "most": float(each[:, h].max()),
                    "fits": len(each),
                }
            )
    return found, missing


def _means(losses: np.ndarray) -> list[float]:
    """Per step, over the prompts that are judged; NaN where none is."""
    return [float(column[~np.isnan(column)].mean()) if (~np.isnan(column)).any() else float("nan")
            for column in losses.T]  # fmt: skip
