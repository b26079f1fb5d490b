"""The main job: sample, label, fit, score, in that order, each stage kept in the run before the next begins.

Composition only: every stage is a call into a room. A stage whose result is in the run is not done again, so going on
after a kill is the same as running.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forepath.apps.fitting import write_forecasters
from forepath.apps.labelling import write_labels
from forepath.apps.models import load_subject
from forepath.apps.progress import Report, silent
from forepath.apps.sampling import write_samples
from forepath.apps.scoring import write_scores
from forepath.apps.settings import Settings
from forepath.errors import MismatchError, PromptError
from forepath.store import Prompt, Run, prompts_table

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

LEAST_PROMPTS = 20
"""Fewer prompts than this leave no fold to judge on."""


def run(settings: Settings, prompts: Sequence[Prompt], out: Path | str, *, report: Report = silent) -> Run:
    """Do the whole job into the run directory `out`; goes on where an equal run was stopped.

    Raises `PromptError` for too few prompts or one longer than the context, `CheckpointError`, `CodebookError`,
    `RunError` if `out` holds something else.
    """
    if len(prompts) < LEAST_PROMPTS:
        raise PromptError(
            f"{len(prompts)} different prompts; a forecaster is fitted on some, chosen on others and judged on the "
            f"rest, which needs at least {LEAST_PROMPTS}: give more prompts"
        )
    subject = load_subject(settings)
    ids = hashlib.sha256("\n".join(p.id for p in prompts).encode()).hexdigest()
    config = {"settings": settings.to_json(), "subject": subject.fingerprint, "prompts": ids}
    store = Run.create(out, config)
    with store.lock():
        if "all" not in store.done("prompts"):
            store.append("prompts", ["all"], prompts_table(prompts))
        _finish(store, settings, subject, report)
    return store


def resume(out: Path | str, *, report: Report = silent) -> Run:
    """Go on with a stopped run. Raises `MismatchError` if the subject is no longer the one it was begun with."""
    store = Run.open(out)
    settings = Settings.from_json(store.config["settings"])
    subject = load_subject(settings)
    if subject.fingerprint != store.config["subject"]:
        raise MismatchError(
            f"{out} was begun with the subject {store.config['subject'][:12]}…, {settings.subject!r} is now "
            f"{subject.fingerprint[:12]}…; bring back the old weights, or start a new run"
        )
    with store.lock():
        _finish(store, settings, subject, report)
    return store


def _finish(store: Run, settings: Settings, subject: HuggingFaceSubject, report: Report) -> None:
    store.gc()
    write_samples(store, settings, subject, report)
    write_labels(store, settings, report)
    write_forecasters(store, settings, subject, report)
    write_scores(store, settings, subject, report)
