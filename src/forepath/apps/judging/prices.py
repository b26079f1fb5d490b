"""What a forecast costs beside the samples it replaces, and how many forecasts pay for the fitting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from forepath.apps.judging.case import Case
from forepath.apps.judging.keeping import number


def prices(case: Case, rows: list[dict[str, Any]], seconds: Mapping[str, float]) -> dict[str, Any]:
    """Seconds and floating-point operations of one forecast, of one sample, of the fitting, and the break-even.

    Seconds were measured in one go when the run was scored. Training costs the samples of the known prompts at the same
    price, and the fit. The forecast replaces k samples, k its worth in shrunk samples at the first step. Operations by
    the usual 2 x parameters x tokens of a forward pass (Kaplan et al. 2020, arXiv:2001.08361), attention left out.
    """
    costs = case.trial.store.read_document("costs")
    prefill, one, sample = (float(costs[f"{name}_seconds"]) for name in ("prefill", "forecast", "sample"))
    worth = next(number(r["k_star"]) for r in rows if (r["forecaster"], r["step"]) == (case.main, 1))
    training = len(case.known) * case.settings.samples * sample + seconds[case.main]
    replaced = worth if math.isfinite(worth) else float(case.settings.samples)
    saved = replaced * sample - prefill - one
    read, written = _tokens(case)
    parameters = sum(p.numel() for p in case.trial.subject.model.parameters())
    return {
        "prefill_seconds": prefill,
        "forecast_seconds": one,
        "sample_seconds": sample,
        "fit_seconds": dict(seconds),
        "training_seconds": training,
        "replaced_samples": replaced,
        "break_even_forecasts": math.ceil(training / saved) if saved > 0 else math.inf,
        "prompt_tokens": read,
        "sample_tokens": written,
        "forecast_flops": 2.0 * parameters * read,
        "samples_flops": 2.0 * parameters * (read + replaced * written),
    }


def _tokens(case: Case) -> tuple[float, float]:
    """Mean tokens of a test prompt, and of a sample."""
    prompts = case.trial.subject.encode([case.texts[i] for i in case.test])
    store, total, count = case.trial.store, 0, 0
    for items in store.shards("trajectories"):
        lengths = [len(t) for t in store.table("trajectories", ["tokens"], items=items)["tokens"].to_pylist()]
        total, count = total + sum(lengths), count + len(lengths)
    return sum(map(len, prompts)) / len(prompts), total / count
