"""The checks printed with every codebook, and the truth of texts from a known world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from forepath.apps.labelling import Folds, read_codebook, read_cost, read_fold_names, read_labelled
from forepath.apps.settings import Settings
from forepath.records import Futures, Segment, Trajectory
from forepath.store import Run
from forepath.themes.audit import audit, truth_agreement

ROUND = 10
"""Samples per prompt in each of the two rounds whose agreement is the label-noise ceiling."""
MOST_TEXTS = 2000
"""Texts compared with the truth of a known world."""


def write_audit(store: Run, settings: Settings, folds: Folds) -> None:
    """Document `audit`: the checks as data and as text, on the test prompts only; what labelling cost, in all."""
    if store.has("audit"):
        return
    codebook, names = read_codebook(store), read_fold_names(store, settings)
    known: list[Trajectory] = []

    def judged() -> Iterator[Trajectory]:
        for trajectory in read_labelled(store):
            if names[trajectory.prompt_id] == "test":
                if settings.world and len(known) < MOST_TEXTS:
                    known.append(trajectory)
                yield trajectory

    lost = store.table(f"unlabelled-{codebook.id}")["trajectory"].to_pylist()
    failures = sum(names[name.rpartition("/")[0]] == "test" for name in lost)
    found = audit(codebook, judged(), failures=failures, rounds=_rounds(folds), cost=read_cost(store))
    if known:
        found = replace(found, truth=truth_agreement(known, true_segments(known)))
    store.write_document("audit", {"text": "\n".join(found.lines()), **found.to_json()})


def true_segments(trajectories: Sequence[Trajectory]) -> list[tuple[Segment, ...]]:
    """What the document grammar says each text is about; `other` where it is no sentence of the grammar."""
    from forepath.worlds.documents import document_grammar
    from forepath.worlds.recognise import TruthLabeller

    labeller = TruthLabeller(document_grammar())
    return [labeller.segments(t.text) for t in trajectories]


def _rounds(folds: Folds) -> tuple[Futures, Futures]:
    """Two independent rounds of samples of the same prompts."""
    futures = folds.of("test")
    half = min(ROUND, futures.steps.shape[1] // 2)
    return (
        replace(futures, steps=futures.steps[:, :half]),
        replace(futures, steps=futures.steps[:, half : 2 * half]),
    )
