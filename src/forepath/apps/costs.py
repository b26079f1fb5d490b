"""What a forecast costs beside what it replaces, measured on this machine in one go."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

from forepath.apps.settings import Settings
from forepath.forecasters.linear import LinearForecaster
from forepath.store import Run, prompts_from

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

PROMPTS, ROUNDS = 16, 5


def write_costs(store: Run, settings: Settings, subject: HuggingFaceSubject) -> None:
    """Document `costs`: seconds per prompt of reading it, of forecasting from what was read, and of one sample.

    Reading and forecasting (the steps, without chains) are medians of several rounds; sampling is timed once.
    """
    from forepath.subjects.sampling import sample

    prompts = prompts_from(store.table("prompts"))[:PROMPTS]
    texts = [p.text for p in prompts]
    forecaster = LinearForecaster.load(store.folder("forecaster"))
    assert forecaster.origin is not None  # loaded forecasters have one
    site = forecaster.origin.site
    read = subject.activations(texts, [site])[site]
    prefill = _seconds(lambda: subject.activations(texts, [site])) / len(texts)
    one = _seconds(lambda: forecaster.odds(read)) / len(texts)
    samples = min(settings.samples, 16)
    began = time.perf_counter()
    sample(subject, texts, prompt_ids=[p.id for p in prompts], samples=samples, policy=settings.policy)
    sampled = (time.perf_counter() - began) / (len(texts) * samples)
    store.write_document(
        "costs",
        {
            "prefill_seconds": prefill,
            "forecast_seconds": one,
            "sample_seconds": sampled,
            "note": f"cost per prompt on this machine: reading it {1e3 * prefill:.2f} ms, forecasting from what was "
            f"read {1e3 * one:.4f} ms ({100 * one / prefill:.2f} % of reading), one sample {1e3 * sampled:.1f} ms",
        },
    )


def _seconds(work: Callable[[], object]) -> float:
    """Median wall-clock seconds of `ROUNDS` runs after one to warm up."""
    work()
    spent = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return median(spent)
