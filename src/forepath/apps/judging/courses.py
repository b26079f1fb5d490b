"""How good the forecasts of whole chains are, and of themes that come rarely.

Chains: nats per sampled chain, by the chain rule, as far as each was observed; and the expected edit distance between a
chain drawn from the forecast and one of the subject's. The distance among the subject's own samples is what a perfect
forecast has. Rare themes: does a theme's odds tell the prompts whose samples it follows from the others?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.fits import fitted_of
from forepath.apps.judging.keeping import number
from forepath.forecasters.base_rate import BaseRate
from forepath.forecasters.linear import LinearForecaster
from forepath.records import END, UNKNOWN, Forecast, Futures
from forepath.stats.bootstrap import percentile_interval, resamples
from forepath.stats.edits import mean_distance

DRAWN = 32
"""Chains drawn from each forecast."""
RARELY = 0.02
"""A theme is rare that at most this share of the test samples come to at a step; the rarest of all are too few."""
LEAST = 5
"""Test prompts that must have a rare theme."""


def courses(case: Case, fitted: Sequence[Entrant]) -> list[dict[str, Any]]:
    """A row per forecaster: {"forecaster", "nats" and "edits" with their intervals, "n_prompts"}. `linear chains` is
    the run's forecaster with each theme given the one before; `linear steps` takes the steps as independent.
    """
    case.report("chains", 0, 1)
    store = case.trial.store
    features = store.arrays("activations", case.site)
    kept = LinearForecaster.load(store.folder("forecaster"), subject=case.trial.subject.fingerprint)
    asked, after = features[case.test], case.futures(case.test)
    base = BaseRate().fit(features[case.known][:, :1], case.futures(case.known)).predict(asked[:, :1])
    forecast = kept.predict(asked)
    samples = padded(after)
    within = mean_distance(samples, samples, same=True)
    rows = [
        _row(case, "linear chains", _chained(kept, asked, after), _edits(case, forecast, samples)),
        _row(case, "linear steps", _stepwise(forecast.steps, after), None),
        _row(case, "base_rate", _stepwise(base.steps, after), _edits(case, base, samples)),
        _row(case, "own samples", None, within),
    ]
    for entrant in fitted:
        if entrant.name in ("chain", "markov", "markov_variable"):
            nats, edits = _of_entrant(case, entrant, after, samples)
            rows.append(_row(case, entrant.name, nats, edits))
    case.report("chains", 1, 1)
    return rows


def _of_entrant(
    case: Case, entrant: Entrant, after: Futures, samples: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray]:
    """(nats of each sampled chain where the forecaster says them, mean distances), kept."""

    def work() -> dict[str, Any]:
        made: Any = fitted_of(case, entrant)
        asked = entrant.features()[case.test]
        nats = -made.log_probs(asked, after) if hasattr(made, "log_probs") else None
        return {"nats": nats, "edits": _edits(case, made.predict(asked), samples)}

    found = case.kept.note(f"{entrant.key} chains", work)
    nats = None if found["nats"] is None else np.array([[number(v) for v in row] for row in found["nats"]])
    return nats, np.array([number(v) for v in found["edits"]])


def padded(futures: Futures) -> np.ndarray:
    """(prompts, samples, horizon) theme indices, -1 after `end` and where not observed."""
    steps, end = futures.steps.astype(int), futures.themes.index(END)
    ended = np.cumsum(steps == end, axis=2) - (steps == end) > 0
    return np.where(ended, UNKNOWN, steps)


def rare_themes(case: Case, forecasts: Mapping[str, Forecast]) -> list[dict[str, Any]]:
    """Per forecaster, of the next theme: the mean over rare themes of the AUROC of "this sample goes there", with the
    number of themes, and of test prompts that have one. NaN-free: themes of too few prompts are not looked at.
    """
    shares, seen = case.futures(case.test).frequencies()
    judged = seen[:, 0] >= 2
    shares = shares[judged, 0]
    rare = np.flatnonzero((shares.mean(axis=0) <= RARELY) & ((shares > 0).sum(axis=0) >= LEAST))
    if not len(rare):
        return []
    found = []
    for name, forecast in forecasts.items():
        odds = forecast.steps[judged, 0]
        each = [weighted_auroc(odds[:, t], shares[:, t]) for t in rare]
        prompts = int((shares[:, rare] > 0).any(axis=1).sum())
        found.append({"forecaster": name, "auroc": float(np.mean(each)), "worst": float(np.min(each)),
                      "themes": len(rare), "n_prompts": prompts})  # fmt: skip
    return found


def weighted_auroc(scores: np.ndarray, shares: np.ndarray) -> float:
    """P(a sample with the theme was given higher odds of it than one without), ties half; prompts weigh the same.

    >>> round(weighted_auroc(np.array([0.9, 0.2, 0.1]), np.array([1.0, 0.5, 0.0])), 3)
    0.944
    """
    order = np.argsort(scores, kind="stable")
    ranked, has, lacks = scores[order], shares[order], 1.0 - shares[order]
    _, first, which = np.unique(ranked, return_index=True, return_inverse=True)
    tied = np.add.reduceat(lacks, first)
    below = np.cumsum(tied) - tied
    wins = (has * (below + 0.5 * tied)[which]).sum()
    return float(wins / (has.sum() * lacks.sum()))


def _chained(kept: LinearForecaster, asked: np.ndarray, after: Futures) -> np.ndarray:
    """(prompts, samples) nats of each sampled chain, as far as it was observed."""
    steps = padded(after)
    first, rest = kept.odds(asked)[:, 0], kept.transitions(asked)
    row = np.arange(len(steps))[:, None]
    lost = np.where(steps[..., 0] < 0, np.nan, -np.log(first[row, np.maximum(steps[..., 0], 0)]))  # floored: never 0
    for h in range(1, steps.shape[2]):
        before, now = np.maximum(steps[..., h - 1], 0), np.maximum(steps[..., h], 0)
        lost -= np.log(np.where(steps[..., h] < 0, 1.0, rest[row, h - 1, before, now]))
    return lost


def _stepwise(odds: np.ndarray, after: Futures) -> np.ndarray:
    """The same of (prompts, horizon, themes) odds, each step by itself."""
    steps, row = padded(after), np.arange(len(odds))[:, None]
    lost = np.where(steps[..., 0] < 0, np.nan, 0.0)
    for h in range(steps.shape[2]):
        lost -= np.log(np.where(steps[..., h] < 0, 1.0, odds[row, h, np.maximum(steps[..., h], 0)]))
    return lost


def _edits(case: Case, forecast: Forecast, samples: np.ndarray) -> np.ndarray:
    """(prompts,) mean distance between chains drawn from those that are listed and the samples."""
    themes = forecast.themes
    listed = np.full((len(forecast.chains) + 1, samples.shape[2]), UNKNOWN)
    for i, chain in enumerate(forecast.chains):
        listed[i, : len(chain)] = [themes.index(theme) for theme in chain]
    rng = np.random.default_rng([case.settings.seed, 9])
    total = forecast.probs.sum(axis=1, keepdims=True)
    whole = np.cumsum(np.divide(forecast.probs, total, out=np.zeros_like(forecast.probs), where=total > 0), axis=1)
    drawn = (whole[:, None, :] < rng.random((len(whole), DRAWN, 1))).sum(axis=2)
    return mean_distance(listed[np.minimum(drawn, len(forecast.chains))], samples)


def _row(case: Case, name: str, nats: np.ndarray | None, edits: np.ndarray | None) -> dict[str, Any]:
    row: dict[str, Any] = {"forecaster": name, "n_prompts": 0}
    for field, values in (("nats", _by_prompt(nats)), ("edits", edits)):
        row[field] = None
        if values is not None and (known := ~np.isnan(values)).any():
            groups = np.array(case.groups(case.test))[known].tolist() if case.settings.group else None
            drawn = resamples(int(known.sum()), case.settings.seed, groups=groups) @ values[known]
            low, high = percentile_interval(drawn)
            row[field] = {"value": float(values[known].mean()), "low": low, "high": high}
            row["n_prompts"] = int(known.sum())
    return row


def _by_prompt(nats: np.ndarray | None) -> np.ndarray | None:
    if nats is None:
        return None
    seen = (~np.isnan(nats)).sum(axis=1)
    means: np.ndarray = np.divide(np.nansum(nats, axis=1), seen, out=np.full(len(nats), np.nan), where=seen > 0)
    return means
