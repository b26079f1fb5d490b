"""How many tokens of the answer is a forecast worth? The rivals that are shown its beginning.

`cheat@K` is the control of ParaScopes (arXiv:2511.00180), carried over to chains of themes. It reads the run's site
twice, at the end of the prompt and after the first K tokens that the subject then wrote (prompt and tokens as one text;
of a sample that ended before, all of it), and forecasts the chain of that very sample, from its beginning: the themes
at steps 1, 2, 3 as in every other row. It is the same linear head, fitted to some samples of each known prompt with
their own chains as targets, and judged on as many samples of each test prompt, whose beginnings it was shown.

So it cheats twice: the first theme can often be read off, and its target is one sample instead of the prompt's
distribution. Its cross-entropy can therefore lie below the ceiling, and `explained` above 1. A forecast from the prompt
alone that loses as little as `cheat@16` knows as much of the course as its first sixteen tokens show. It is no bound:
one linear reading where K tokens end need not hold what began before them, and it has one label per text to learn by.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from forepath.apps.fitting import head
from forepath.apps.judging.case import Case, Missing
from forepath.apps.judging.standing import cross_entropy_of
from forepath.records import UNKNOWN, Futures
from forepath.stats.bootstrap import percentile_interval, resamples
from forepath.stats.calibration import classwise_ece

TOKENS = (4, 16, 64)
READ = 3000
"""Texts of known prompts that are read for each K, about: what bounds the cost."""
LEAST, MOST = 2, 8
"""Samples of a prompt that are read."""


def cheats(case: Case, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, np.ndarray], list[Missing]]:
    """(rows with the fields of a score, name -> (test prompts, horizon) losses, what could not be done).

    `rows` hold the base rate and the ceiling of the same prompts.
    """
    if case.settings.chat:
        reason = "the prompt is a user's turn: text of the answer cannot be put behind it"
        return [], {}, [Missing(f"cheat@{k}", reason) for k in TOKENS]
    known = np.sort(np.random.default_rng([case.settings.seed, 8]).permutation(case.known)[: READ // LEAST])
    each = min(case.settings.samples, MOST, max(LEAST, READ // len(known)))
    found: list[dict[str, Any]] = []
    losses: dict[str, np.ndarray] = {}
    missing = []
    for i, k in enumerate(TOKENS):
        case.report("cheat", i, len(TOKENS), f"the first {k} tokens")
        name = f"cheat@{k}"
        if k >= case.settings.policy.max_tokens:
            missing.append(Missing(name, f"no text is longer than {case.settings.policy.max_tokens} tokens"))
            continue
        odds, _ = case.kept.odds(f"{name} {each}", lambda k=k: _odds(case, known, k, each))  # type: ignore[misc]
        own = _own(case, case.test, each)
        losses[name] = _losses(odds, own, each)
        found += _rows(case, name, odds, own, losses[name], rows)
    case.report("cheat", len(TOKENS), len(TOKENS))
    return found, losses, missing


def _odds(case: Case, known: np.ndarray, tokens: int, each: int) -> np.ndarray:
    """(test prompts x each, horizon, themes)"""
    begun = beginnings(case, tokens, each)
    before = case.trial.store.arrays("activations", case.site)

    def read(rows: np.ndarray) -> np.ndarray:
        texts = [begun[case.folds.prompts[i].id, s] for i in rows for s in range(each)]
        after = case.trial.subject.activations(texts, [case.site])[case.site]
        return np.concatenate([np.repeat(before[rows], each, axis=0), after], axis=1)

    fitted = head(case.settings, chains=False).fit(read(known), _own(case, known, each))
    return fitted.predict(read(case.test)).steps


def beginnings(case: Case, tokens: int, each: int) -> dict[tuple[str, int], str]:
    """(prompt id, sample) -> the prompt and the first `tokens` tokens of its first `each` samples, as text."""
    store, texts = case.trial.store, {p.id: p.text for p in case.folds.prompts}
    found = {}
    for items in store.shards("trajectories"):
        table = store.table("trajectories", ["prompt_id", "sample", "tokens"], items=items)
        for row in table.to_pylist():
            if row["sample"] < each:
                begun = case.trial.subject.decode(row["tokens"][:tokens])
                found[row["prompt_id"], row["sample"]] = texts[row["prompt_id"]] + begun
    return found


def _own(case: Case, rows: np.ndarray, each: int) -> Futures:
    """The chain of each of these samples by itself: (prompts x each, 1, horizon)."""
    futures = case.futures(rows)
    return replace(futures, steps=futures.steps[:, :each].reshape(-1, 1, futures.steps.shape[2]))


def _losses(odds: np.ndarray, own: Futures, each: int) -> np.ndarray:
    """(prompts, horizon) nats, the mean over a prompt's samples that were observed; NaN where none was."""
    happened = own.steps[:, 0].astype(int)
    given = np.take_along_axis(odds, np.maximum(happened, 0)[..., None], axis=2)[..., 0]
    nats = np.where(happened == UNKNOWN, np.nan, -np.log(given)).reshape(-1, each, odds.shape[1])
    seen = (~np.isnan(nats)).sum(axis=1)
    means: np.ndarray = np.divide(np.nansum(nats, axis=1), seen, out=np.full(seen.shape, np.nan), where=seen > 0)
    return means


def _rows(
    case: Case, name: str, odds: np.ndarray, own: Futures, losses: np.ndarray, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    found = []
    for h in range(losses.shape[1]):
        happened = own.steps[:, 0, h].astype(int)
        seen, judged = happened != UNKNOWN, ~np.isnan(losses[:, h])
        row: dict[str, Any] = dict.fromkeys(("cross_entropy", "low", "high", "brier", "explained", "ece"))
        if judged.any():
            q = odds[seen, h]
            outcome = np.eye(q.shape[1])[happened[seen]]
            mean = float(losses[judged, h].mean())
            groups = np.array(case.groups(case.test))[judged].tolist() if case.settings.group else None
            drawn = resamples(int(judged.sum()), case.settings.seed, groups=groups) @ losses[judged, h]
            low, high = percentile_interval(drawn)
            base, ceiling = (cross_entropy_of(rows, other, h + 1) for other in ("base_rate", "ceiling"))
            row = {
                "cross_entropy": mean,
                "low": low,
                "high": high,
                "brier": float(((q - outcome) ** 2).sum(axis=1).mean()),
                "explained": (base - mean) / (base - ceiling) if base > ceiling else None,
                "ece": classwise_ece(q, outcome),
            }
        found.append(
            {"forecaster": name, "step": h + 1, **row, "k_star": None, "k_raw": None, "n_prompts": int(judged.sum())}
        )
    return found
