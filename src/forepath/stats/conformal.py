"""Sets that hold what happens in 90 of 100 cases, whatever the forecaster. Knows odds and outcomes only.

Split conformal prediction (Vovk et al. 2005). The promise needs calibration and test cases to be exchangeable. Here a
*prompt* is a case, not a sample: samples of one prompt share its luck, so that counting each as a case would promise
too much. Each calibration prompt has one vote, spread over its samples, and the prompt to come has one more vote, at
the worst (hierarchical conformal prediction; Lee, Barber & Willett 2023, arXiv:2306.06342): then a sample of a new
prompt is in its set with at least the probability asked for, on average over prompts, not for each prompt.

`lac`: all outcomes with odds above a threshold, the smallest sets (Sadinle, Lei & Wasserman 2019). `aps`: the likeliest
until their odds add up, sets that adapt to each prompt (Romano, Sesia & Candès 2020, arXiv:2006.02544); randomised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forepath.errors import InputError
from forepath.stats.bootstrap import Estimate, mean_estimate

Method = Literal["lac", "aps"]


def scores(odds: np.ndarray, method: Method, luck: np.ndarray) -> np.ndarray:
    """(prompts, outcomes) how strange each outcome would be, in [0, 1]. `luck` (prompts,) uniform in [0, 1), for `aps`.

    >>> scores(np.array([[0.6, 0.3, 0.1]]), "aps", np.array([0.5])).round(2).tolist()
    [[0.3, 0.75, 0.95]]
    """
    if method == "lac":
        return np.asarray(1.0 - odds)
    if method != "aps":
        raise InputError(f"method {method!r}; wanted 'lac' or 'aps'")
    order = np.argsort(-odds, axis=1, kind="stable")
    ordered = np.take_along_axis(odds, order, axis=1)
    above = np.cumsum(ordered, axis=1) - ordered
    found = np.empty_like(ordered)
    np.put_along_axis(found, order, above + luck[:, None] * ordered, axis=1)
    return found


def threshold(drawn: np.ndarray, coverage: float) -> float:
    """The score up to which outcomes are in the set, from (prompts, samples) scores of what happened; NaN: unobserved.

    Infinite (everything is in the set) where there are too few prompts for a promise. Raises `InputError` unless
    coverage is in (0, 1).

    >>> threshold(np.arange(1.0, 20.0)[:, None], 0.9), threshold(np.arange(1.0, 8.0)[:, None], 0.9)
    (18.0, inf)
    """
    if not 0 < coverage < 1:
        raise InputError(f"coverage {coverage}; it lies between 0 and 1, e.g. 0.9")
    seen = ~np.isnan(drawn)
    votes = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1) / (seen.any(axis=1).sum() + 1)
    order = np.argsort(drawn[seen], kind="stable")
    total = np.cumsum(votes[seen][order])
    place = int(np.searchsorted(total, coverage - 1e-12))
    return float(drawn[seen][order[place]]) if place < len(order) else float("inf")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How sets did on prompts that they were not calibrated on."""

    coverage: Estimate
    """Share of samples in their prompt's set, every prompt one vote, with its prompt-level 95 % interval."""
    size: float
    """Mean number of outcomes in a set."""
    by_group: dict[str, tuple[float, int]]
    """Group of prompts -> (coverage, prompts)."""
    by_outcome: dict[int, tuple[float, int]]
    """Outcome -> (share of its samples that were in the set, samples): where sets fail rare ones."""


def judge_sets(sets: np.ndarray, counts: np.ndarray, groups: np.ndarray | None = None, *, seed: int = 0) -> Coverage:
    """(prompts, outcomes) sets against (prompts, outcomes) counts; `groups` (prompts,) names, e.g. families of prompts.

    Prompts without samples are left out.
    """
    seen = counts.sum(axis=1) > 0
    inside = (counts * sets)[seen]
    held = inside.sum(axis=1) / counts[seen].sum(axis=1)
    names = np.asarray(groups)[seen] if groups is not None else np.zeros(0)
    by_group = {str(g): (float(held[names == g].mean()), int((names == g).sum())) for g in np.unique(names)}
    total = counts[seen].sum(axis=0)
    by_outcome = {int(o): (float(inside[:, o].sum() / total[o]), int(total[o])) for o in np.flatnonzero(total)}
    return Coverage(mean_estimate(held, seed), float(sets[seen].sum(axis=1).mean()), by_group, by_outcome)


def exact_size(truth: np.ndarray, coverage: float, *, each: bool = False) -> float:
    """Mean size of the smallest sets with this coverage if the true odds (prompts, outcomes) are known.

    On average over prompts (what `lac` aims at), or of each prompt (`each`: what `aps` aims at). The last outcome
    counts in part, as if it were in the set by lot.

    >>> truth = np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> exact_size(truth, 0.7), exact_size(truth, 0.7, each=True)
    (1.0, 1.0888888888888888)
    """
    ordered = -np.sort(-truth, axis=1) if each else -np.sort(-truth.reshape(1, -1) / len(truth), axis=1)
    total = np.cumsum(ordered, axis=1)
    before = total - ordered
    part = np.clip((coverage - before) / np.maximum(ordered, 1e-300), 0.0, 1.0)
    return float(part.sum(axis=1).mean()) if each else float(part.sum() / len(truth))
