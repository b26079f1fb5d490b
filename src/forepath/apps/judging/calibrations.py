"""Whether 30 % happens 30 % of the time, before and after maps that never saw the test prompts."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.early import Early
from forepath.forecasters.calibrated import Calibrated, Method
from forepath.records import Forecast
from forepath.stats.calibration import classwise_ece, reliability

SHOWN = 8
"""Themes whose reliability is shown: those written most at a step."""


def calibration(case: Case, early: Early, forecast: Forecast) -> dict[str, Any]:
    """{"steps": classwise ECE and cross-entropy per step and map, "curves": reliability of the next theme, per theme}.

    The maps are learned on the validation prompts from a forecaster fitted to the training prompts, and judged with it
    on the test prompts; map "none" is that forecaster as it is. `forecast`: the run's, for the curves.
    """
    shares, seen = case.futures(case.test).frequencies()
    steps = []
    for name in ("none", *get_args(Method)):
        mapped = early.on_test if name == "none" else _mapped(case, early, name)
        losses = case.judge.losses(mapped)
        for h in range(losses.shape[1]):
            judged = seen[:, h] >= 2
            steps.append(
                {
                    "map": name,
                    "step": h + 1,
                    "ece": classwise_ece(mapped.steps[judged, h], shares[judged, h]),
                    "cross_entropy": float(losses[judged, h].mean()) if judged.any() else float("nan"),
                    "n_prompts": int(judged.sum()),
                }
            )
    return {"steps": steps, "curves": curves(forecast, shares, seen)}


def _mapped(case: Case, early: Early, method: Method) -> Forecast:
    made = Calibrated(early.forecaster, method, seed=case.settings.seed)
    made.calibrate(early.features[early.aside], early.after_aside)
    return made.predict(early.features[case.test])


def curves(forecast: Forecast, shares: np.ndarray, seen: np.ndarray) -> list[dict[str, Any]]:
    """Of the next theme: all themes together, then the most written ones."""
    judged = seen[:, 0] >= 2
    odds, truth = forecast.steps[judged, 0], shares[judged, 0]
    if len(odds) < 2:
        return []
    found = [_curve(None, odds.ravel(), truth.ravel())]
    for theme in np.argsort(-truth.mean(axis=0), kind="stable")[:SHOWN]:
        found.append(_curve(forecast.themes[theme], odds[:, theme], truth[:, theme]))
    return found


def _curve(theme: str | None, odds: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    curve = reliability(odds, truth, by_mass=True)
    return {"theme": theme, "forecast": curve.forecast, "observed": curve.observed, "error": curve.error,
            "n": curve.prompts}  # fmt: skip
