"""How much each prompt's samples surprised a forecast. Knows odds and futures, not who made them."""

from __future__ import annotations

import numpy as np

from forepath.errors import InputError
from forepath.records import Forecast, Futures


def prompt_losses(forecast: Forecast, futures: Futures) -> np.ndarray:
    """(prompts, horizon) cross-entropy in nats of each prompt's samples; NaN at a step where none was observed.

    Raises `InputError` if the forecast is of other prompts, themes or steps.

    >>> f = Forecast(("a", "end"), np.array([[[0.5, 0.5]]]))
    >>> prompt_losses(f, Futures(("a", "end"), np.array([[[0], [1]]], dtype=np.int16))).round(3).tolist()
    [[0.693]]
    """
    wanted = (len(futures.steps), futures.steps.shape[2], len(futures.themes))
    if forecast.steps.shape != wanted or forecast.themes != futures.themes:
        raise InputError(
            f"a forecast of (prompts, steps, themes) {forecast.steps.shape} for samples of {wanted}: forecast the same "
            "prompts with the same codebook"
        )
    shares, seen = futures.frequencies()
    with np.errstate(divide="ignore"):
        lost = np.where(shares > 0, -shares * np.log(np.where(shares > 0, forecast.steps, 1.0)), 0.0).sum(axis=2)
    nats: np.ndarray = np.where(seen > 0, lost, np.nan)
    return nats


def mean_loss(forecast: Forecast, futures: Futures) -> float:
    """Nats: the mean over prompts at each step, then over the steps at which any prompt was observed; else NaN."""
    lost = prompt_losses(forecast, futures)
    seen = ~np.isnan(lost)
    per_step = np.where(seen, lost, 0.0).sum(axis=0)[seen.any(axis=0)] / seen.sum(axis=0)[seen.any(axis=0)]
    return float(per_step.mean()) if len(per_step) else float("nan")
