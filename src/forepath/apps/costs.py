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

PROMPTS, ROUNDS, SAMPLING_ROUNDS = 16, 5, 3


def write_costs(store: Run, settings: Settings, subject: HuggingFaceSubject) -> None:
    """Document `costs`: seconds per prompt of reading it, of forecasting from what was read, and of one sample.

    Each is the median of several rounds; forecasting is of the steps, without chains.
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
    ids = [p.id for p in prompts]
    rounds = _rounds(
        lambda: sample(subject, texts, prompt_ids=ids, samples=samples, policy=settings.policy), SAMPLING_ROUNDS
    )
    sampled = median(rounds) / (len(texts) * samples)
    store.write_document(
        "costs",
        {
            "prefill_seconds": prefill,
            "forecast_seconds": one,
            "sample_seconds": sampled,
            "sample_seconds_rounds": [spent / (len(texts) * samples) for spent in rounds],
            "note": f"cost per prompt on this machine: reading it {1e3 * prefill:.2f} ms, forecasting from what was "
            f"read {1e3 * one:.4f} ms ({100 * one / prefill:.2f} % of reading), one sample {1e3 * sampled:.1f} ms",
        },
    )


def _seconds(work: Callable[[], object]) -> float:
    """Median wall-clock seconds of `ROUNDS` runs after one to warm up."""
    work()
    return median(_rounds(work, ROUNDS))


def _rounds(work: Callable[[], object], rounds: int) -> list[float]:
    """The wall-clock seconds of each of some runs."""
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return spent
