"""The rows of the table: every forecast judged by the same samples of the same test prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.keeping import number, plain_json
from forepath.apps.results import JSON_FIELDS
from forepath.records import Forecast, Score
from forepath.stats.judge import Judge

SAMPLES = (1, 2, 4, 8, 16, 32)
"""How many samples the Monte-Carlo rivals get."""


def rows_of(judge: Judge, forecasts: Mapping[str, Forecast], samples: int) -> list[dict[str, Any]]:
    """A row per forecast and step, of Monte Carlo raw and shrunk, and the ceiling; fields as of `forepath score`."""
    scores: list[Score] = []
    for k in affordable(samples):
        scores += judge.monte_carlo(k, shrink=False) + judge.monte_carlo(k, shrink=True)
    of_samples = [row_of(score) for score in scores]
    fitted, ceiling = scores_of(judge, forecasts), judge.horizon
    return [*fitted[:-ceiling], *of_samples, *fitted[-ceiling:]]


def scores_of(judge: Judge, forecasts: Mapping[str, Forecast]) -> list[dict[str, Any]]:
    """A row per forecast and step, and the ceiling."""
    scores = [score for name, forecast in forecasts.items() for score in judge.score(name, forecast)]
    return [row_of(score) for score in (*scores, *judge.ceiling())]


def row_of(score: Score) -> dict[str, Any]:
    """With the fields of `forepath score --json`."""
    row: dict[str, Any] = plain_json({k: v for k, v in asdict(score).items() if k in JSON_FIELDS})
    return row


def affordable(samples: int) -> list[int]:
    """Those that leave at least two samples of a prompt to judge by."""
    return [k for k in SAMPLES if k + 2 <= samples]


def losses_of(judge: Judge, forecasts: Mapping[str, Forecast], samples: int) -> dict[str, np.ndarray]:
    """Name -> (prompts, horizon) nats, of every forecast and of shrunk Monte Carlo."""
    found = {name: judge.losses(forecast) for name, forecast in forecasts.items()}
    return found | {f"mc_shrunk@{k}": judge.sampled_losses(k) for k in affordable(samples)}


def decay_of(judge: Judge, forecasts: Mapping[str, Forecast], names: Iterable[str]) -> list[dict[str, Any]]:
    """Per forecaster and step: explained fraction and worth in shrunk samples, each with its interval."""
    found = []
    for name in names:
        pairs = zip(judge.explained(forecasts[name]), judge.worth(forecasts[name]), strict=True)
        for h, (explained, worth) in enumerate(pairs):
            found.append({"forecaster": name, "step": h + 1, "explained": asdict(explained), "worth": asdict(worth)})
    return found


def worth_curves(case: Case, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per step, the squared error of k raw and of k shrunk samples as k grows, by their exact formulas."""
    found = []
    for h in range(case.judge.horizon):
        spread, base = case.judge.spreads(h)
        strength = case.judge.strengths[h]
        ks = np.unique(np.round(2 ** np.arange(0, 8.01, 0.25), 2))
        found.append(
            {
                "step": h + 1,
                "strength": strength,
                "spread": spread,
                "base_distance": base,
                "k": ks.tolist(),
                "raw": (spread / ks).tolist(),
                "shrunk": ((ks * spread + strength**2 * base) / (ks + strength) ** 2).tolist(),
            }
        )
    return found


def cross_entropy_of(rows: Iterable[Mapping[str, Any]], name: str, step: int) -> float:
    """Of one row; NaN if it is not there or could not be judged."""
    return next(
        (number(r["cross_entropy"]) for r in rows if (r["forecaster"], r["step"]) == (name, step)), float("nan")
    )
