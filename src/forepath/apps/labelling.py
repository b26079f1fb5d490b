"""Stage two: every text becomes a chain of themes from a codebook: given, or discovered on training prompts only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forepath.apps.progress import Report
from forepath.apps.settings import Settings
from forepath.protocols import Labeller
from forepath.records import OTHER, Chain, Futures, Trajectory, futures_of
from forepath.store import Prompt, Run, prompts_from, segments_table, trajectories_from, with_segments
from forepath.themes.codebook import Codebook
from forepath.themes.discovery import discover
from forepath.themes.labelling import label_all, labeller_of

_SENTENCE_ENDS = re.compile(r"[.!?…:\n]")


@dataclass(frozen=True, slots=True)
class Folds:
    """What the later stages read: prompts, which fold each is in, and what its samples went on to write."""

    prompts: tuple[Prompt, ...]
    folds: np.ndarray
    """(prompts,) "train", "validation" or "test"."""
    futures: Futures

    def where(self, *folds: str) -> np.ndarray:
        """(prompts,) bool: which prompts are in one of `folds`."""
        return np.isin(self.folds, folds)

    def of(self, *folds: str) -> Futures:
        """The futures of the prompts in `folds`."""
        return replace(self.futures, steps=self.futures.steps[self.where(*folds)])


def write_labels(store: Run, settings: Settings, report: Report) -> None:
    """Document `codebook` unless one was given; families `segments-<codebook>` and `unlabelled-<codebook>`.

    The latter names what the labeller could not judge.
    """
    import pyarrow as pa

    trajectories = read_trajectories(store)
    training = [t.text for t in trajectories if settings.fold_of(t.prompt_id) == "train"]
    if not store.has("codebook"):
        report("codebook", 0, 1, "discovering themes")
        found = discover(training, seed=settings.seed)
        store.write_document("codebook", found.to_json())
        report("codebook", 1, 1, f"{len(found.themes)} themes")
    codebook = read_codebook(store)
    family = f"segments-{codebook.id}"
    labeller = labeller_of(codebook, texts=training)
    groups = _groups(trajectories, settings)
    for i, (name, group) in enumerate(groups.items()):
        if name in store.done(family):
            continue
        labelled, _ = label_all(group, labeller)
        failed = sorted({t.id for t in group} - {t.id for t in labelled})
        if name not in store.done(f"unlabelled-{codebook.id}"):
            table = pa.table({"trajectory": pa.array(failed, pa.string())})
            store.append(f"unlabelled-{codebook.id}", [name], table)
        store.append(family, [name], segments_table(labelled))
        report("label", i + 1, len(groups))


def read_codebook(store: Run) -> Codebook:
    """The run's codebook."""
    return Codebook.from_json(store.read_document("codebook"))


def read_labeller(store: Run, settings: Settings) -> Labeller:
    """The labeller the run was labelled with."""
    training = [t.text for t in read_trajectories(store) if settings.fold_of(t.prompt_id) == "train"]
    return labeller_of(read_codebook(store), texts=training)


def read_trajectories(store: Run) -> list[Trajectory]:
    """All trajectories of a run, unlabelled."""
    prompts = {p.id: p.text for p in prompts_from(store.table("prompts"))}
    return trajectories_from(store.table("trajectories"), prompts)


def read_labelled(store: Run) -> list[Trajectory]:
    """All trajectories of a run with their segments."""
    return with_segments(read_trajectories(store), store.table(f"segments-{read_codebook(store).id}"))


def read_folds(store: Run, settings: Settings) -> Folds:
    """What the prompts' samples went on to write, and the fold of each prompt.

    A trajectory the labeller could not judge is unknown at every step: counted, never guessed.
    """
    failed = set(store.table(f"unlabelled-{read_codebook(store).id}")["trajectory"].to_pylist())
    prompts = tuple(prompts_from(store.table("prompts")))
    chains: dict[str, list[Chain]] = {p.id: [] for p in prompts}
    for trajectory in read_labelled(store):
        chains[trajectory.prompt_id].append(() if trajectory.id in failed else observed_chain(trajectory))
    folds = np.array([settings.fold_of(p.id) for p in prompts])
    themes = read_codebook(store).names
    return Folds(prompts, folds, futures_of(list(chains.values()), themes, settings.horizon))


def observed_chain(trajectory: Trajectory) -> Chain:
    """The chain, without a last segment that was cut off before its first sentence ended: too little to name it."""
    last = trajectory.segments[-1:]
    if last and not trajectory.finished and not _SENTENCE_ENDS.search(trajectory.text[last[0].start : last[0].stop]):
        return replace(trajectory, segments=trajectory.segments[:-1]).chain
    return trajectory.chain


def last_themes(prompts: Sequence[Prompt], labeller: Labeller, themes: tuple[str, ...]) -> np.ndarray:
    """(prompts,) index of the theme in which each prompt ends; `other` where nothing could be named."""
    texts = [Trajectory(p.id, "", p.id, "", 0, (), p.text, False) for p in prompts]
    labelled = {t.id: t for t in label_all(texts, labeller)[0]}
    last = [labelled[p.id].chain[-1:] if p.id in labelled else () for p in prompts]
    return np.array([themes.index(chain[0] if chain else OTHER) for chain in last])


def _groups(trajectories: Sequence[Trajectory], settings: Settings) -> dict[str, list[Trajectory]]:
    size = settings.prompts_per_item * settings.samples
    return {f"group-{i // size:06d}": list(trajectories[i : i + size]) for i in range(0, len(trajectories), size)}
