"""The door: judge a finished run. Leaks first; then rows, tests and everything that stands beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from forepath.apps.judging.apart import train_apart, trained_apart
from forepath.apps.judging.calibrations import calibration
from forepath.apps.judging.case import Case, Missing, Options, lines_of, open_case
from forepath.apps.judging.cheating import cheats
from forepath.apps.judging.contrasts import contrasts
from forepath.apps.judging.courses import courses, rare_themes
from forepath.apps.judging.early import fit_early
from forepath.apps.judging.entrants import Entrant, entrants
from forepath.apps.judging.fits import forecasts_of, refits_of, seconds_of, share_key
from forepath.apps.judging.fusing import fusions, strengths_of
from forepath.apps.judging.groups import column_of, left_out
from forepath.apps.judging.judgement import Judgement
from forepath.apps.judging.keeping import plain_json
from forepath.apps.judging.leaking import check_leaks
from forepath.apps.judging.more import more
from forepath.apps.judging.prices import prices
from forepath.apps.judging.promises import promises
from forepath.apps.judging.rivals import rivals
from forepath.apps.judging.shifts import planned, shifts
from forepath.apps.judging.standing import decay_of, losses_of, rows_of, worth_curves
from forepath.apps.judging.strangers import strangers
from forepath.apps.judging.sweeps import sweeps
from forepath.apps.progress import Report, silent
from forepath.apps.scoring import exact_of, notes_of
from forepath.apps.settings import settings_in
from forepath.errors import ForepathError
from forepath.records import Forecast, Futures
from forepath.store import Run
from forepath.themes.leaks import Leak

SHOWN = ("layers", "chain", "tfidf", "logits", "base_rate")
"""Those that go along with the run's forecaster where every row would be too many."""


def judge(
    path: Path | str, options: Options = Options(), *, trust_remote_code: bool = False, report: Report = silent
) -> Judgement:
    """Judge the run at `path`; the result is also kept in it, as the document `judgement`.

    Raises `LeakError` if the test can be known beforehand (unless the options allow it), `RunIncompleteError` for a run
    that is not scored yet, `MismatchError` if its subject has changed, `InputError`.
    """
    store = Run.open(path)
    settings = replace(settings_in(store), trust_remote_code=trust_remote_code)
    with store.lock():
        case = open_case(store, settings, options, report)
        column_of(case)  # a column that is not there is said before the work begins
        leaks = check_leaks(case)
        data = plain_json(_judged(case, leaks))
        store.write_document("judgement", data)
    return Judgement(data)


def _judged(case: Case, leaks: Sequence[Leak]) -> dict[str, Any]:
    fitted, forecasts, missing = _forecasts(case)
    rows = rows_of(case.judge, forecasts, case.settings.samples)
    early = fit_early(case)
    strengths = strengths_of(early)
    fused, savings = fusions(case, strengths, forecasts[case.main])
    cheated, cheat_losses, lost = cheats(case, rows)
    asked, unmoved, told = planned(case)
    further, further_losses, few_samples = more(case, strengths, forecasts[case.main], asked)
    missing += few_samples + lost
    losses = losses_of(case.judge, forecasts, case.settings.samples) | further_losses | cheat_losses
    rows = [*rows, *fused, *further, *cheated]
    again = [e for e in fitted if case.options.thorough or trained_apart(case) or not e.whole]
    spread, lost_fits = refits_of(case, [e for e in again if e.name not in ("base_rate", "uniform")])
    missing += lost_fits
    few = [e for e in fitted if e.name in (*SHOWN, case.main)]
    quick = [e for e in few if case.options.thorough or not e.slow]
    outside, by_group, lost = left_out(case, quick, forecasts)
    moved = shifts(case, few, forecasts, asked)
    missing += lost + unmoved
    grouped = case.groups(case.test) if case.settings.group else None
    return {
        "run": str(case.trial.store.path),
        "subject": case.settings.subject,
        "main": case.main,
        "about": {e.name: {"kind": e.kind, "about": e.about} for e in fitted},
        "rows": rows,
        "rows_without_leaks": _without(case, leaks, forecasts),
        "leaks": [{"kind": leak.kind, "prompts": len(leak.where), "what": leak.what} for leak in leaks],
        "missing": lines_of(missing),
        "seeds": spread,
        "tests": contrasts(losses, _pairs(case, list(losses)), grouped),
        "decay": decay_of(case.judge, forecasts, _drawn(case, fitted)),
        "worth": worth_curves(case, rows),
        "courses": courses(case, fitted),
        "rare": rare_themes(case, forecasts),
        "shifts": outside + moved,
        "groups": by_group,
        "sweeps": sweeps(case),
        "calibration": calibration(case, early, forecasts[case.main]),
        "promises": promises(case, early, forecasts.get("exact")),
        "savings": savings,
        "strangers": strangers(case),
        "costs": prices(case, rows, {e.name: seconds_of(case, e) for e in fitted}),
        "labels": case.trial.store.read_document("audit"),
        "notes": [*notes_of(case.trial), told, *_slow(fitted, again, quick), *_idle(case, fitted)],
    }


def _forecasts(case: Case) -> tuple[list[Entrant], dict[str, Forecast], list[Missing]]:
    """(who could be fitted, their forecasts and the world's own odds, who could not and why)."""
    more, missing = rivals(case)
    fitted: list[Entrant] = []
    forecasts: dict[str, Forecast] = {}
    wanted = entrants(case)
    everyone = [*wanted, *more]
    if trained_apart(case):
        refits = range(case.options.seeds + 1)
        # the longest first; those that are asked about other prompts, too, are fitted here
        train_apart(
            case, [(e, r) for r in refits for e in reversed(everyone) if e.whole and (r or e.name not in SHOWN)]
        )
    made = forecasts_of(case, [(entrant, 0) for entrant in everyone], stage="fit")
    for entrant, outcome in zip(everyone, made, strict=True):
        if not isinstance(outcome, Exception):
            forecasts[entrant.name] = outcome[0]
            fitted.append(entrant)
        elif entrant in wanted or not isinstance(outcome, ForepathError):
            raise outcome
        else:
            missing.append(Missing(entrant.name, str(outcome)))
    if case.settings.world:
        forecasts["exact"] = case.forecast(case.kept.odds("exact", lambda: exact_of(case.trial).steps)[0])
    else:
        missing.append(Missing("exact", "the prompts come from no known world (world=documents)"))
    return fitted, forecasts, missing


def _slow(fitted: Sequence[Entrant], again: Sequence[Entrant], quick: Sequence[Entrant]) -> list[str]:
    slow = {
        "fitted once, without a spread": [e.name for e in fitted if e not in again],
        "not fitted with groups left out": [e.name for e in fitted if e.name in SHOWN and e not in quick],
    }
    return [f"{what}: {', '.join(names)} (--thorough)" for what, names in slow.items() if names]


def _idle(case: Case, fitted: Sequence[Entrant]) -> list[str]:
    idle = ", ".join(e.name for e in fitted if case.kept.noted(share_key(e)) == 0)
    told = "learned did not help on prompts kept aside: only the linear chains are left that they started from"
    return [f"what {idle} {told}"] if idle else []


def _pairs(case: Case, names: Sequence[str]) -> list[tuple[str, str]]:
    """The run's forecaster against everything, the chain transformer against Markov chains, a control and chance."""
    pairs = [(case.main, other) for other in names if other != case.main]
    more = [("chain", "markov_variable"), ("shuffled", "base_rate")]
    return pairs + [pair for pair in more if set(pair) <= set(names)]


def _drawn(case: Case, fitted: Sequence[Entrant]) -> list[str]:
    """Whose decay by step is shown."""
    wanted = {*SHOWN, case.main, "markov_variable"} - {"base_rate"}
    return [e.name for e in fitted if e.name in wanted]


def _without(case: Case, leaks: Sequence[Leak], forecasts: dict[str, Forecast]) -> list[dict[str, Any]] | None:
    """The rows on the test prompts that no leak is about; None where there is nothing to leave out, or too much."""
    leaking = {i for leak in leaks for i in leak.where}
    kept = np.array([i not in leaking for i in case.test.tolist()], dtype=bool)
    if kept.all() or kept.sum() < 2:
        return None
    clean: Futures = case.futures(case.test[kept])
    bench = case.judge_of(clean, case.test[kept])
    left = {name: case.forecast(f.steps[kept]) for name, f in forecasts.items()}
    return rows_of(bench, left, case.settings.samples)
