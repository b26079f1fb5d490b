"""Kinds of prompts that were never fitted on: every group is left out in turn.

Two things make the number readable. Its zero: `explained` counts from the base rate of all known prompts, which has
seen the group; `explained_blind` from the base rate of the same prompts the forecaster was fitted to. Its ceiling:
`reachable`, an oracle that knows each prompt's own odds, except which of the themes that the other groups hardly ever
wrote it will be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from forepath.apps.fitting import head
from forepath.apps.judging.case import Case, Missing
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.fits import side_by_side
from forepath.apps.judging.keeping import number, plain_json
from forepath.apps.judging.standing import cross_entropy_of, scores_of
from forepath.apps.judging.sweeps import normalisation
from forepath.apps.judging.together import results, together
from forepath.apps.judging.unembedding import described_scores
from forepath.errors import InputError
from forepath.forecasters.cautious import Cautious
from forepath.protocols import Forecaster
from forepath.records import Forecast
from forepath.stats.rates import base_rates

PARTS = 5
"""Most parts the groups are divided into; a group is wholly in one."""
NAME = "leave-group-out"
DESCRIBED = "described"
"""Cautious, and pulled by what its site, read with the unembedding, says of the themes' descriptions."""
RARE = 0.1
"""A theme is hardly ever written whose base rate is below this share of even odds."""


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
    careful, missing = _careful(case, fitted)
    daring = [
        (name, partial(_cautious, case, name, read, groups, places))
        for places in (part, None) for name, read in careful.items()
    ]  # fmt: skip
    learned = results(together(daring, stage="caution", report=case.report))
    odds |= zip(careful, learned[: len(careful)], strict=True)
    forecasts = {**forecasts, **dict(zip(careful, learned[len(careful) :], strict=True))}
    before = {(r["forecaster"], r["step"]): r for r in scores_of(case.judge, forecasts)}
    after = [*scores_of(case.judge, odds), *_reachable(case, part)]
    zeros = {r["step"]: number(r["cross_entropy"]) for r in after if r["forecaster"] == "base_rate"}
    tops = {r["step"]: number(r["cross_entropy"]) for r in after if r["forecaster"] == "ceiling"}
    rows = [
        {"shift": f"{NAME} ({column})", **row,
         "before": before.get((row["forecaster"], row["step"]), {}).get("cross_entropy"),
         "explained_before": before.get((row["forecaster"], row["step"]), {}).get("explained"),
         "explained_blind": _from(zeros.get(row["step"]), number(row["cross_entropy"]), tops[row["step"]])}
        for row in after
    ]  # fmt: skip
    return rows, _by_group(case, groups[case.test], forecasts[case.main], odds.get(case.main)), missing


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


def _from(zero: float | None, loss: float, top: float) -> float | None:
    """The share of the way from `zero` to `top`, in nats; None without a zero above the top."""
    return None if zero is None or not zero > top else (zero - loss) / (zero - top)


def _careful(case: Case, fitted: Sequence[Entrant]) -> tuple[dict[str, Callable[[], np.ndarray]], list[Missing]]:
    """(name -> what is read, what could not be done): the run's site; nothing, which shows what caution alone is worth;
    the site and what it says of the themes' descriptions; where the judge is to be thorough, the words of the prompt.
    """
    found: dict[str, Callable[[], np.ndarray]] = {
        "cautious": lambda: case.trial.store.arrays("activations", case.site),
        "cautious@nothing": lambda: np.zeros((len(case.folds.prompts), 1)),
    }
    if case.options.thorough:
        found |= {f"cautious@{e.name}": e.features for e in fitted if e.name == "tfidf"}
    layers = case.layers
    try:
        if not layers:
            raise InputError("no layer of the residual stream is stored whose last position could be read")
        site = case.site if case.site in layers else layers[-1]
        scores = described_scores(case, site)
    except InputError as error:
        return found, [Missing(DESCRIBED, str(error))]
    found[DESCRIBED] = lambda: np.concatenate([case.trial.store.arrays("activations", site), scores], axis=1)
    return found, []


def _cautious(
    case: Case, name: str, read: Callable[[], np.ndarray], groups: np.ndarray, part: np.ndarray | None
) -> Forecast:
    """What is read, by a forecaster that learned on groups left out within its prompts how much to dare; with `part`,
    each test prompt by one that never saw its part of the groups.
    """

    def work() -> np.ndarray:
        features = read()
        odds = np.zeros((len(case.test), case.judge.horizon, len(case.folds.futures.themes)))
        parts = np.zeros(len(groups), dtype=int) if part is None else part
        for p in np.unique(parts[case.test]):
            rows = case.known if part is None else case.known[parts[case.known] != p]
            inside = parts[case.test] == p
            places = parts_of(groups[rows].tolist())
            if places.max() < 1:  # one group is left: nothing to learn caution on
                made: Forecaster = head(case.settings, chains=False)
            else:
                made = Cautious(
                    [str(i) for i in places], hints=name == DESCRIBED, normalise=normalisation(case),
                    seed=case.settings.seed,
                )  # fmt: skip
            odds[inside] = made.fit(features[rows], case.futures(rows)).predict(features[case.test[inside]]).steps
        return odds

    return case.forecast(case.kept.odds(f"{name} {'known' if part is None else 'left out'} {case.site}", work)[0])


def _reachable(case: Case, part: np.ndarray) -> list[dict[str, Any]]:
    """A row per step of the oracle `reachable`: of rare themes together it knows the mass, and it takes each of them to
    be as likely. What that costs is estimated from the shares of the samples, a little too high (few samples look surer
    than they are), so that the row is a little too low.
    """
    base_rate = case.forecast(np.broadcast_to(case.judge.base, (len(case.test), *case.judge.base.shape)))
    scored = scores_of(case.judge, {"base_rate": base_rate})
    rows = [row for row in scored if row["forecaster"] == "ceiling"]
    shares, seen = case.futures(case.test).frequencies()
    for h, row in enumerate(rows):
        extra = np.zeros(len(case.test))
        for p in np.unique(part[case.test]):
            mine = np.flatnonzero((part[case.test] == p) & (seen[:, h] >= 2))
            base = base_rates(case.futures(case.known[part[case.known] != p]))[h]
            rare = base < RARE / len(base)
            if rare.any() and len(mine):
                given = shares[mine, h][:, rare]
                even = given.sum(axis=1, keepdims=True) / rare.sum()
                ratio = np.divide(given, even, out=np.ones_like(given), where=given > 0)
                extra[mine] = (given * np.log(ratio)).sum(axis=1)
        judged = seen[:, h] >= 2
        least = number(row["cross_entropy"])
        loss = least + float(extra[judged].mean()) if judged.any() else least
        zero = cross_entropy_of(scored, "base_rate", h + 1)
        row |= plain_json(dict.fromkeys(("low", "high", "brier", "ece", "k_star", "k_raw"))) | {
            "forecaster": "reachable", "cross_entropy": loss, "explained": _from(zero, loss, least),
        }  # fmt: skip
    return rows


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
