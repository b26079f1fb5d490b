"""Stage one: the subject writes. Fixed groups of prompts, each committed with the activations of its prompts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from forepath.apps.progress import Report
from forepath.apps.settings import Settings
from forepath.store import Run, prompts_from, trajectories_table

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

WIDEST_LOGITS = 4096
"""A wider vocabulary is stored through a fixed random projection to this many numbers (Johnson and Lindenstrauss)."""


def sites_of(settings: Settings, subject: HuggingFaceSubject) -> tuple[str, ...]:
    """The sites a run captures: those asked for, else the residual stream after every block; and the logits."""
    chosen = settings.sites or tuple(s for s in subject.sites if s.startswith("resid.") and s != "resid.0")
    return (*(s for s in chosen if s != "logits"), "logits")


def write_samples(store: Run, settings: Settings, subject: HuggingFaceSubject, report: Report) -> None:
    """Families `trajectories` and `activations`, one shard each per group of prompts."""
    import pyarrow as pa

    from forepath.subjects.sampling import sample

    prompts = prompts_from(store.table("prompts"))
    size = settings.prompts_per_item
    groups = {f"group-{i // size:06d}": prompts[i : i + size] for i in range(0, len(prompts), size)}
    left = set(groups) - (store.done("trajectories") & store.done("activations"))
    sites, began, written = sites_of(settings, subject), time.monotonic(), 0
    for name in sorted(left):
        group = groups[name]
        trajectories, activations = sample(
            subject,
            [p.text for p in group],
            prompt_ids=[p.id for p in group],
            samples=settings.samples,
            seed=settings.seed,
            policy=settings.policy,
            capture=sites,
            max_rows=settings.max_rows or None,
        )
        arrays = {site: _narrow(values) for site, values in activations.items()}
        if name not in store.done("activations"):
            table = pa.table({"prompt_id": [p.id for p in group]})
            store.append("activations", [name], table, arrays)
        if name not in store.done("trajectories"):
            store.append("trajectories", [name], trajectories_table(trajectories))
        written += sum(len(t.tokens) + 1 for t in trajectories)
        done = len(groups) - len(left) + 1 + sorted(left).index(name)
        report("sample", done, len(groups), f"{written / (time.monotonic() - began):,.0f} tokens/s")


def _narrow(values: np.ndarray) -> np.ndarray:
    """Logits of a wide vocabulary, projected; everything else as it is."""
    if values.shape[1] <= WIDEST_LOGITS:
        return values
    rng = np.random.default_rng(0)
    projection = rng.standard_normal((values.shape[1], WIDEST_LOGITS), dtype=np.float32) / np.sqrt(WIDEST_LOGITS)
    narrow: np.ndarray = np.asarray(values, dtype=np.float32) @ projection
    return narrow
