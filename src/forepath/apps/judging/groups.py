"""Kinds of prompts that were never fitted on: every group is left out in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case, Missing
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.fits import side_by_side
from forepath.apps.judging.standing import scores_of
from forepath.apps.judging.together import results
from forepath.errors import InputError
from forepath.records import Forecast

PARTS = 5
"""Most parts the groups are divided into; a group is wholly in one."""
NAME = "leave-group-out"


def column_of(case: Case) -> str | None:
    """The column to leave groups out by; None if there is none. Raises `InputError` for one that is not there."""
    held = [p.extra for p in case.folds.prompts]
    asked = case.options.by
    if asked is not None and not all(extra.get(asked) not in (None, "") for extra in held):
        lacking = sum(extra.get(asked) in (None, "") for extra in held)
        columns = ", ".join(sorted({name for extra in held for name in extra})) or "none"
        raise InputError(f"--by {asked}: {lacking} of {len(held)} prompts have no such column; there are: {columns}")
    usual = asked or case.settings.group or ("kind" if case.settings.world else None)
    return usual if usual and all(extra.get(usual) not in (None, "") for extra in held) else None


def left_out(
    case: Case, fitted: Sequence[Entrant], forecasts: dict[str, Forecast]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Missing]]:
    """(rows as of `shifts`, per group rows of the run's forecaster, what could not be done).

    Each test prompt is forecast by a forecaster that was fitted without any prompt of its part of the groups. The
    codebook is the run's: it was discovered on training prompts of every group.
    """
    column = column_of(case)
    if column is None:
        return [], [], [Missing(NAME, "the prompts have no groups: name a column with --by")]
    groups = np.array([str(p.extra[column]) for p in case.folds.prompts])
    part = parts_of(groups.tolist())
    if part.max() < 1:
        return [], [], [Missing(NAME, f"all prompts have one value of {column!r}")]
    works = [
        (e, _key(e, column), e.name, partial(_without, case, e, part, column)) for e in fitted
    ]  # fmt: skip
    made = results(side_by_side(case, works, stage=NAME))
    odds = {entrant.name: forecast for entrant, forecast in zip(fitted, made, strict=True)}
    before = {(r["forecaster"], r["step"]): r for r in scores_of(case.judge, forecasts)}
    rows = [
        {"shift": f"{NAME} ({column})", **row, "before": before[row["forecaster"], row["step"]]["cross_entropy"],
         "explained_before": before[row["forecaster"], row["step"]]["explained"]}
        for row in scores_of(case.judge, odds)
    ]  # fmt: skip
    return rows, _by_group(case, groups[case.test], forecasts[case.main], odds.get(case.main)), []


def parts_of(groups: Sequence[str]) -> np.ndarray:
    """(prompts,) 0 to at most `PARTS` - 1: whole groups, the largest first, each into the smallest part so far.

    >>> parts_of(["a", "b", "a", "c"]).tolist()
    [0, 1, 0, 2]
    """
    sizes = Counter(groups)
    filled = [0] * min(PARTS, len(sizes))
    place: dict[str, int] = {}
    for name in sorted(sizes, key=lambda g: (-sizes[g], g)):
        place[name] = filled.index(min(filled))
        filled[place[name]] += sizes[name]
    return np.array([place[g] for g in groups])


def _without(case: Case, entrant: Entrant, part: np.ndarray, column: str) -> Forecast:
    def work() -> np.ndarray:
        features = entrant.features()
        odds = np.zeros((len(case.test), case.judge.horizon, len(case.folds.futures.themes)))
        for p in np.unique(part[case.test]):
            rows = case.known[part[case.known] != p]
            inside = part[case.test] == p
            made = entrant.make(case.settings.seed).fit(features[rows], case.futures(rows))
            odds[inside] = made.predict(features[case.test[inside]]).steps
        return odds

    return case.forecast(case.kept.odds(_key(entrant, column), work)[0])


def _key(entrant: Entrant, column: str) -> str:
    return f"{entrant.key} without its {column}"


def _by_group(case: Case, groups: np.ndarray, inside: Forecast, outside: Forecast | None) -> list[dict[str, Any]]:
    """Per group with at least two test prompts: the next theme, with the group among the known prompts and without."""
    found = []
    for name in np.unique(groups):
        rows = np.flatnonzero(groups == name)
        if len(rows) < 2 or outside is None:
            continue
        judge = case.judge_of(case.futures(case.test[rows]), case.test[rows])
        known, unknown = (judge.score(case.main, case.forecast(f.steps[rows]))[0] for f in (inside, outside))
        found.append(
            {
                "group": str(name),
                "n_prompts": known.n_prompts,
                "cross_entropy": known.cross_entropy,
                "without": unknown.cross_entropy,
                "explained": known.explained,
                "explained_without": unknown.explained,
            }
        )
    return found
