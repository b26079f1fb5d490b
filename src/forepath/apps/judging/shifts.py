"""How a forecast stands other prompts and other policies than it was fitted on. The forecasters stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case, Missing
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.fits import fitted_of
from forepath.apps.judging.fresh import Asked, samples_of, written
from forepath.apps.judging.more import NAME as MORE
from forepath.apps.judging.more import within_reach
from forepath.apps.judging.standing import scores_of
from forepath.errors import PromptError
from forepath.records import Forecast, Futures

MOST, LEAST = 64, 8
"""Test prompts of a shift: no more are drawn, fewer are not worth it."""
TEMPERATURES = (0.5, 1.5)
"""Times the run's own."""
BEFORE = 300
"""Characters of unrelated text, about."""


def planned(case: Case) -> tuple[list[Asked], list[Missing], str]:
    """(all that is to be sampled anew, the shifts that cannot be and why, what it is to cost)."""
    asked, missing = wanted(case)
    if within_reach(case):
        asked = [plain(case), *asked]
    asked, told, unpaid = afford(case, asked)
    return asked, missing + unpaid, told


def plain(case: Case) -> Asked:
    """More of the same, which is no shift."""
    rows = _drawn(case)
    return Asked(MORE, rows, tuple(case.texts[i] for i in rows), case.settings.policy)


def shifts(
    case: Case, fitted: Sequence[Entrant], forecasts: dict[str, Forecast], asked: Sequence[Asked]
) -> list[dict[str, Any]]:
    """The rows of these shifts.

    A row is one forecaster on one shift at one step, with the fields of a score, `shift`, and `before`: its
    cross-entropy on the same prompts unshifted, by as many of the run's own samples.
    """
    rows: list[dict[str, Any]] = []
    for shift in (a for a in asked if a.name != MORE):
        futures = written(case, shift)
        places = np.searchsorted(case.test, shift.rows)
        unshifted = case.futures(shift.rows)
        unshifted = replace(unshifted, steps=unshifted.steps[:, : samples_of(case)])
        same = list(shift.texts) == [case.texts[i] for i in shift.rows]
        now: dict[str, Forecast] = {}
        then: dict[str, Forecast] = {}
        for entrant in fitted:
            then[entrant.name] = case.forecast(forecasts[entrant.name].steps[places])
            if same:
                now[entrant.name] = then[entrant.name]
            elif entrant.reads is not None:
                now[entrant.name] = _anew(case, entrant, shift)
        rows += _rows(case, shift, (now, futures), (then, unshifted))
    return rows


def _rows(
    case: Case, shift: Asked, now: tuple[dict[str, Forecast], Futures], then: tuple[dict[str, Forecast], Futures]
) -> list[dict[str, Any]]:
    before = {(r["forecaster"], r["step"]): r for r in scores_of(case.judge_of(then[1], shift.rows), then[0])}
    after = scores_of(case.judge_of(now[1], shift.rows), now[0])
    return [
        {"shift": shift.name, **row, "before": before[row["forecaster"], row["step"]]["cross_entropy"],
         "explained_before": before[row["forecaster"], row["step"]]["explained"], "explained_blind": None}
        for row in after
    ]  # fmt: skip


def _anew(case: Case, entrant: Entrant, shift: Asked) -> Forecast:
    """The entrant's forecast after the shifted texts; fitted, if need be, to all known prompts as they were."""

    def work() -> np.ndarray:
        assert entrant.reads is not None
        return fitted_of(case, entrant).predict(entrant.reads(shift.texts)).steps

    return case.forecast(case.kept.odds(f"{entrant.key} on {shift.key(case)}", work)[0])


def wanted(case: Case) -> tuple[list[Asked], list[Missing]]:
    """The shifts there are prompts for, on up to `MOST` test prompts drawn by the run's seed."""
    rows = _drawn(case)
    texts, policy = [case.texts[i] for i in rows], case.settings.policy
    found, missing = [], []
    for factor in TEMPERATURES:
        heat = round(policy.temperature * factor, 4) if policy.temperature else factor
        found.append(Asked(f"temperature {heat:g}", rows, tuple(texts), replace(policy, temperature=heat)))
    changes: dict[str, Sequence[str]] = {
        "ending": [other_ending(t) for t in texts],
        "longer context": preceded(case, texts),
    }
    for name, changed in changes.items():
        fits = _fitting(case, changed)
        if len(fits) < LEAST:
            missing.append(Missing(f"shift: {name}", f"only {len(fits)} of the prompts fit the context when changed"))
        else:
            found.append(Asked(name, rows[fits], tuple(changed[i] for i in fits), policy))
    column = case.options.paraphrases
    held = {int(i): case.folds.prompts[i].extra.get(column) for i in case.test}
    worded = [(i, str(text)) for i, text in held.items() if text]
    if len(worded) >= LEAST:
        worded = worded[:MOST]
        found.append(Asked("paraphrase", np.array([i for i, _ in worded]), tuple(t for _, t in worded), policy))
    else:
        missing.append(Missing("shift: paraphrase", f"{len(worded)} test prompts have the column {column!r}"))
    return found, missing


def _drawn(case: Case) -> np.ndarray:
    """The test prompts of shifts."""
    return np.sort(np.random.default_rng([case.settings.seed, 5]).permutation(case.test)[:MOST])


def afford(case: Case, asked: Sequence[Asked]) -> tuple[list[Asked], str, list[Missing]]:
    """The same with as many prompts each as the budget pays for, by what a sample cost when the run was scored."""
    price = float(case.trial.store.read_document("costs")["sample_seconds"]) * samples_of(case)
    seconds = 60 * case.options.budget
    most = int(seconds / (price * len(asked))) if asked else 0
    cut = [_first(shift, most) for shift in asked if min(most, len(shift.rows)) >= LEAST]
    names = {shift.name for shift in cut}
    reason = f"{case.options.budget:g} minutes pay for {most} prompts of each shift; --budget MINUTES gives more"
    unpaid = [Missing(f"shift: {shift.name}", reason) for shift in asked if shift.name not in {*names, MORE}]
    prompts = sum(len(shift.rows) for shift in cut)
    told = (
        f"new samples: {prompts} prompts × {samples_of(case)}, about {prompts * price / 60:.1f} minutes at "
        f"{1e3 * price / samples_of(case):.0f} ms a sample (budget {case.options.budget:g} minutes)"
    )
    case.report("new samples", 1, 1, told)
    return cut, told, unpaid


def _first(shift: Asked, most: int) -> Asked:
    return replace(shift, rows=shift.rows[:most], texts=shift.texts[:most])


def other_ending(text: str) -> str:
    """Without the blank space and the full stop it ends in; with a full stop if it ends in neither.

    >>> other_ending("Bake it.\\n"), other_ending("Bake it")
    ('Bake it', 'Bake it.')
    """
    bare = text.rstrip().removesuffix(".")
    return bare if bare != text and bare.strip() else f"{text}."


def preceded(case: Case, texts: Sequence[str]) -> list[str]:
    """Each with the beginning of some training prompt's sample, whole lines or sentences of it, and a blank line
    before it: text of the subject's own, about something else.
    """
    store, names = case.trial.store, case.folds
    train = {p.id for p, t in zip(names.prompts, names.where("train"), strict=True) if t}
    before: list[str] = []
    for items in store.shards("trajectories"):
        rows = store.table("trajectories", ["prompt_id", "sample", "text"], items=items).to_pylist()
        before += [cut_short(r["text"]) for r in rows if r["prompt_id"] in train and r["sample"] == 0]
        if len(before) >= 4 * MOST:
            break
    before = [b for b in before if b] or [""]
    drawn = np.random.default_rng([case.settings.seed, 6]).integers(len(before), size=len(texts))
    return [f"{before[d]}\n\n{text}" if before[d] else text for d, text in zip(drawn, texts, strict=True)]


def cut_short(text: str, most: int = BEFORE) -> str:
    """Its beginning, up to the last full stop or line break within `most` characters; without one, to the last word.

    >>> cut_short("One. Two. Three", 9), cut_short("one two three", 9)
    ('One. Two.', 'one two')
    """
    part = text[:most]
    stop = max(part.rfind(". ") + 1, part.rfind("\n"), len(part) if part.endswith(".") else 0)
    return part[: stop if stop > 0 else max(part.rfind(" "), 0)].strip()


def _fitting(case: Case, texts: Sequence[str]) -> list[int]:
    """Those that leave room for the policy's tokens."""
    found = []
    for i, text in enumerate(texts):
        try:
            case.trial.subject.encode([text], room=case.settings.policy.max_tokens)
        except PromptError:
            continue
        found.append(i)
    return found
