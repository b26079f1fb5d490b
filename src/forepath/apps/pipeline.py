"""The main job: sample, label, fit, score, in that order, each stage kept in the run before the next begins.

Composition only: every stage is a call into a room. A stage whose result is in the run is not done again, so going on
after a kill is the same as running.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forepath.apps.fitting import write_forecasters
from forepath.apps.labellers import mean_site
from forepath.apps.labelling import read_folds, write_labels
from forepath.apps.models import load_subject, pins_of, subject_of
from forepath.apps.progress import Report, silent
from forepath.apps.sampling import sites_of, write_samples
from forepath.apps.scoring import check_world, write_scores
from forepath.apps.settings import FOLDS, Settings, settings_in
from forepath.errors import MismatchError, PromptError, RunIncompleteError, UnseenThemeError
from forepath.records import UNKNOWN
from forepath.store import Prompt, Run, prompts_table
from forepath.subjects.asking import check_address
from forepath.themes.codebook import Codebook
from forepath.themes.embeddings import SentenceEmbedder

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
    codebook = check(settings, prompts)
    subject = load_subject(settings)
    check_fits(settings, prompts, subject)
    marks = [p.id if settings.group is None else f"{p.id} {settings.group_of(p)}" for p in prompts]
    config = {
        "settings": settings.to_json(),
        "subject": subject.fingerprint,
        **pins_of(settings),
        "device": subject.model.device.type,
        "prompts": hashlib.sha256("\n".join(marks).encode()).hexdigest(),
        "codebook": codebook.id if codebook else None,
    }
    table = prompts_table(prompts)

    def fill(store: Run) -> None:
        if "all" not in store.done("prompts"):
            store.append("prompts", ["all"], table)
        if codebook and not store.has("codebook"):
            store.write_document("codebook", codebook.to_json())

    store = Run.begin(out, config, fill)
    with store.lock():
        _finish(store, settings, subject, report)
    return store


def check(settings: Settings, prompts: Sequence[Prompt]) -> Codebook | None:
    """The codebook that was given, if any, after everything that can be found wrong without the model.

    Raises `PromptError`, `CodebookError`, `InputError` or `MissingExtraError`.
    """
    empty = set(FOLDS) - {settings.fold_of(p) for p in prompts}
    if empty:
        groups = len({settings.group_of(p) for p in prompts})
        what = f"{groups} groups by {settings.group!r}" if settings.group else f"{len(prompts)} prompts"
        raise PromptError(f"{what} leave the fold {sorted(empty)[0]!r} empty; give more of them (some hundreds)")
    if settings.endpoint:
        check_address(settings.endpoint)
    if settings.embedder.startswith("sentence:"):
        SentenceEmbedder(settings.embedder.partition(":")[2], device=settings.device)
    if settings.world:
        check_world(prompts)
    return Codebook.load(settings.codebook) if settings.codebook else None


def check_fits(settings: Settings, prompts: Sequence[Prompt], subject: HuggingFaceSubject) -> None:
    """Raises `PromptError` for a prompt that leaves no room, `SiteError` for a site the subject does not have."""
    subject.encode([p.text for p in prompts], room=settings.policy.max_tokens)
    subject.anatomy.parse(sites_of(settings, subject))
    if settings.embedder.startswith("subject"):
        subject.anatomy.parse([mean_site(settings, subject)])


def check_seen(store: Run, settings: Settings) -> None:
    """Raises `UnseenThemeError` for a theme of a given codebook that follows test prompts and no others.

    A discovered theme was found on training prompts. Everything sampled and labelled is kept.
    """
    if settings.codebook is None or settings.allow_unseen or store.has("forecaster"):
        return
    folds = read_folds(store, settings)
    known, test = (set(np.unique(folds.of(*names).steps)) for names in (("train", "validation"), ("test",)))
    if unseen := sorted(test - known - {UNKNOWN}):
        name = folds.futures.themes[unseen[0]]
        texts = int((folds.of("test").steps == unseen[0]).any(axis=2).sum())
        raise UnseenThemeError(
            f"theme {name!r} is in {texts} samples of test prompts and in none of the training prompts', so that "
            f"nothing can be learned about it: give more prompts or a codebook without it, or go on with `forepath "
            f"resume {store.path} --allow-unseen`, which gives it the little that every theme gets"
        )


def resume(
    out: Path | str, *, trust_remote_code: bool = False, allow_unseen: bool = False, report: Report = silent
) -> Run:
    """Go on with a stopped run. The two leaves are those of `Settings`.

    Raises `MismatchError` if the subject (before it is loaded, where its files have changed) or the kind of device is
    no longer the one it was begun with.
    """
    store = Run.open(out)
    settings = replace(settings_in(store), trust_remote_code=trust_remote_code, allow_unseen=allow_unseen)
    if "intervention" in store.config:
        raise RunIncompleteError(f"{out} was written under an intervention: give the same `forepath intervene` again")
    if not store.done("prompts") or (settings.codebook and not store.has("codebook")):
        raise RunIncompleteError(f"{out} was stopped before its prompts were kept: give the same `forepath run` again")
    subject = subject_of(store, settings)
    if subject.model.device.type != store.config["device"]:
        raise MismatchError(
            f"{out} was begun on {store.config['device']}, this is {subject.model.device.type}: samples differ in "
            "their last bits between devices; go on there, or start a new run"
        )
    with store.lock():
        _finish(store, settings, subject, report)
    return store


def _finish(store: Run, settings: Settings, subject: HuggingFaceSubject, report: Report) -> None:
    store.gc()
    write_samples(store, settings, subject, report)
    write_labels(store, settings, subject, report)
    check_seen(store, settings)
    write_forecasters(store, settings, subject, report)
    write_scores(store, settings, subject, report)
