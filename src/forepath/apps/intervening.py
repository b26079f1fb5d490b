"""A run once more, with the subject changed: the same prompts and seeds, read by the same codebook and labeller.

The result is a run directory too, without a forecaster of its own: `forepath compare` sets it beside the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from forepath.apps.labellers import embedder_of, labeller_for
from forepath.apps.labelling import training_texts, write_segments
from forepath.apps.progress import Report, silent
from forepath.apps.runs import OpenRun
from forepath.apps.sampling import write_samples
from forepath.errors import InputError, RunIncompleteError
from forepath.records import Intervention
from forepath.store import Run, prompts_from, prompts_table
from forepath.subjects.interventions.touches import Touches

REFERENCE = 200
"""Training texts that means and resampling are taken from, at most."""


def intervene(base: OpenRun, intervention: Intervention, out: Path | str, *, report: Report = silent) -> Run:
    """Sample the prompts of `base` under `intervention` into `out`, and label them; goes on where it was stopped.

    Raises `InterventionError` before anything is written for a change the subject cannot make; `RunIncompleteError` for
    a base without a codebook; `RunError` if `out` holds something else.
    """
    if not base.store.has("codebook"):
        raise RunIncompleteError(f"{base.path} has no codebook yet: `forepath resume {base.path}`")
    subject, settings = base.subject, base.settings
    prompts = prompts_from(base.store.table("prompts"))
    # What cannot be done is refused here, before anything is written.
    subject.stream([prompts[0].text], seeds=[0], policy=settings.policy, intervention=intervention)
    config = {
        **base.store.config,
        "codebook": base.codebook.id,
        "intervention": asdict(intervention),
    }
    store = Run.create(out, config)
    with store.lock():
        store.gc()
        if "all" not in store.done("prompts"):
            store.append("prompts", ["all"], prompts_table(prompts))
        if not store.has("codebook"):
            store.write_document("codebook", base.codebook.to_json())
        touches = Touches()
        write_samples(store, settings, subject, report, intervention=intervention, touches=touches)
        if touches.parts and not store.has("touches"):
            store.write_document("touches", [asdict(t) for t in touches.parts])
        if store.done(f"segments-{base.codebook.id}") != store.done("trajectories"):
            training = training_texts(base.store, settings)
            embedder = embedder_of(base.store, settings, subject, training)
            write_segments(store, base.codebook, labeller_for(settings, base.codebook, training, embedder), report)
    return store


def touched_text(store: Run) -> str:
    """What the intervention touched, a line per part; empty for one that only changed prompts or policy."""
    if not store.has("touches"):
        return ""
    return "\n".join(
        f"{t['part']}: {t['passes']} passes, {t['rows']} rows, {t['prompt_positions']} positions of prompts, "
        f"{t['written_positions']} written, in {t['steps']} steps"
        for t in store.read_document("touches")
    )


def reference_texts(base: OpenRun) -> list[str]:
    """Prompts with what was written after them, of training prompts: what a mean or a resampling is taken from."""
    texts = [f"{g.prompt}{g.text}" for group in base.trajectories(prompts=REFERENCE, samples=1) for g in group]
    return [t for t in texts if t.strip()]


def named(parts: Sequence[Intervention]) -> Intervention:
    """The parts as one. Raises `InputError` for none."""
    from forepath.subjects.interventions.making import sequence

    if not parts:
        raise InputError("nothing to change: give --ablate, --change, --weights, --prefix … (see --help)")
    return parts[0] if len(parts) == 1 else sequence(*parts)
