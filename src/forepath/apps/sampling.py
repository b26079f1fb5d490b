"""Stage one: the subject writes. Fixed groups of prompts, each committed with the activations of its prompts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forepath.apps.progress import Report
from forepath.apps.settings import Settings
from forepath.errors import ActivationError
from forepath.records import Intervention
from forepath.store import Run, prompts_from, trajectories_table

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject
    from forepath.subjects.interventions.touches import Touches

WIDEST_LOGITS = 4096
"""A wider vocabulary is stored through a fixed random projection to this many numbers (Johnson and Lindenstrauss)."""


def sites_of(settings: Settings, subject: HuggingFaceSubject) -> tuple[str, ...]:
    """The sites a run captures: those asked for, else the residual stream after every block; and the logits."""
    chosen = settings.sites or tuple(s for s in subject.sites if s.startswith("resid.") and s != "resid.0")
    return (*(s for s in chosen if s != "logits"), "logits")


def write_samples(
    store: Run,
    settings: Settings,
    subject: HuggingFaceSubject,
    report: Report,
    *,
    intervention: Intervention | None = None,
    touches: Touches | None = None,
) -> None:
    """Families `trajectories` and `activations`, one shard each per group of prompts. Raises `ActivationError`."""
    import pyarrow as pa

    from forepath.subjects.sampling import sample

    prompts = prompts_from(store.table("prompts"))
    size = settings.prompts_per_item
    groups = {f"group-{i // size:06d}": prompts[i : i + size] for i in range(0, len(prompts), size)}
    left = set(groups) - (store.done("trajectories") & store.done("activations"))
    narrow = Narrowing()
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
            intervention=intervention,
            touches=touches,
            max_rows=settings.max_rows or None,
        )
        check_finite(activations, [f"{p.id} ({p.text[:40]!r})" for p in group], settings.capture_dtype)
        arrays = {site: narrow(values) for site, values in activations.items()}
        if name not in store.done("activations"):
            table = pa.table({"prompt_id": [p.id for p in group]})
            store.append("activations", [name], table, arrays, dict.fromkeys(arrays, settings.capture_dtype))
        if name not in store.done("trajectories"):
            store.append("trajectories", [name], trajectories_table(trajectories))
        written += sum(len(t.tokens) + 1 for t in trajectories)
        done = len(groups) - len(left) + 1 + sorted(left).index(name)
        report("sample", done, len(groups), f"{written / (time.monotonic() - began):,.0f} tokens/s")


def check_finite(activations: Mapping[str, np.ndarray], prompts: Sequence[str], dtype: str) -> None:
    """Raises `ActivationError` naming each site and prompt with a NaN or an infinite number, before any is kept."""
    bad = {site: np.flatnonzero(~np.isfinite(values).all(axis=1)) for site, values in activations.items()}
    wrong = [f"{site} of prompt {prompts[row]}" for site, rows in bad.items() for row in rows.tolist()]
    if wrong:
        remedy = (
            "it overflows float16, so set capture_dtype=bfloat16 or float32"
            if dtype == "float16"
            else "load the model with dtype=float32 or bfloat16, leave that prompt out, or (of a site such as @last4) "
            "leave out prompts with fewer tokens than are read"
        )
        raise ActivationError(
            f"NaN or infinite activations ({len(wrong)}): {', '.join(wrong[:5])}{' …' if len(wrong) > 5 else ''}; "
            f"{remedy}. What was written before stays"
        )


class Narrowing:
    """Logits of a wide vocabulary, projected; everything else as it is. The projection is drawn once a run."""

    def __init__(self) -> None:
        self._drawn: dict[int, np.ndarray] = {}

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(rows, width) -> (rows, at most `WIDEST_LOGITS`) float."""
        width = values.shape[1]
        if width <= WIDEST_LOGITS:
            return values
        if width not in self._drawn:  # by the width alone, so that a resumed run draws the same
            drawn = np.random.default_rng(0).standard_normal((width, WIDEST_LOGITS), dtype=np.float32)
            drawn /= np.float32(np.sqrt(WIDEST_LOGITS))
            self._drawn[width] = drawn
        narrow: np.ndarray = np.asarray(values, dtype=np.float32) @ self._drawn[width]
        return narrow
