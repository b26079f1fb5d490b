"""Stage two: every text becomes a chain of themes from a codebook: given, or discovered on training prompts only.

The run is read and written a shard at a time: what is in memory at once is the training texts and one shard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forepath.apps.labellers import embedder_of, labeller_for
from forepath.apps.progress import Report
from forepath.apps.settings import Settings
from forepath.errors import LabellerError, RunIncompleteError
from forepath.protocols import Labeller
from forepath.records import OTHER, Chain, Futures, Trajectory, futures_of
from forepath.store import Prompt, Run, prompts_from, segments_table, trajectories_from, with_segments
from forepath.themes.codebook import Codebook
from forepath.themes.discovery import discover
from forepath.themes.endpoint import Cost, EndpointLabeller
from forepath.themes.labelling import label_all

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

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

    def groups(self, settings: Settings, *folds: str) -> list[str]:
        """(prompts in `folds`,) what each shares with others: its own id, unless the run's prompts are grouped."""
        return [settings.group_of(p) for p, inside in zip(self.prompts, self.where(*folds), strict=True) if inside]


def write_labels(store: Run, settings: Settings, subject: HuggingFaceSubject, report: Report) -> None:
    """Document `codebook` unless one was given; families `segments-`, `unlabelled-` and `prompt-themes-<codebook>`.

    The second names what the labeller could not judge, the third the theme each prompt ends in. Of a labeller that
    counts what it costs, `labelling-<codebook>` too.
    """
    if store.has("codebook"):
        id = read_codebook(store).id
        if store.done(f"segments-{id}") == store.done("trajectories") and store.done(f"prompt-themes-{id}"):
            return
    training = training_texts(store, settings)
    embedder = embedder_of(store, settings, subject, training)
    if not store.has("codebook"):
        report("codebook", 0, 1, "discovering themes")
        found = discover(training, embedder=embedder, seed=settings.seed)
        store.write_document("codebook", found.to_json())
        report("codebook", 1, 1, f"{len(found.themes)} themes")
    codebook = read_codebook(store)
    write_segments(store, codebook, labeller_for(settings, codebook, training, embedder), report)


def write_segments(store: Run, codebook: Codebook, labeller: Labeller, report: Report) -> None:
    """The families of `write_labels`, by this labeller."""
    prompts, shards = prompts_from(store.table("prompts")), store.shards("trajectories")
    texts = {p.id: p.text for p in prompts}
    for i, items in enumerate(shards):
        if not set(items) <= store.done(f"segments-{codebook.id}"):
            _label_shard(store, codebook.id, items, labeller, texts)
        report("label", i + 1, len(shards))
    _label_prompts(store, codebook.id, prompts, labeller)


def _label_shard(
    store: Run, codebook: str, items: tuple[str, ...], labeller: Labeller, prompts: dict[str, str]
) -> None:
    """Commit the segments of one shard of trajectories, what could not be judged, and what it cost."""
    import pyarrow as pa

    trajectories = trajectories_from(store.table("trajectories", items=items), prompts)
    before, failed = _cost(labeller), dict[str, str]()
    labelled, _ = label_all(trajectories, labeller, failed=lambda t, error: failed.update({t.id: str(error)}))
    if failed and not any(t.segments for t in labelled):  # an outage, not a judgement
        raise LabellerError(
            f"none of {len(failed)} texts could be labelled, so none of them was counted (the last: "
            f"{list(failed.values())[-1]}); mend that and `forepath resume {store.path}`"
        )
    store.append(f"unlabelled-{codebook}", items, pa.table({"trajectory": pa.array(sorted(failed), pa.string())}))
    _append_cost(store, codebook, items, labeller, before)
    store.append(f"segments-{codebook}", items, segments_table(labelled))


def _label_prompts(store: Run, codebook: str, prompts: list[Prompt], labeller: Labeller) -> None:
    """Commit the theme in which each prompt ends; null where it could not be named."""
    import pyarrow as pa

    if store.done(f"prompt-themes-{codebook}"):
        return
    before = _cost(labeller)
    texts = [Trajectory(p.id, "", p.id, "", 0, (), p.text, False) for p in prompts]
    last = {t.id: t.chain[-1] for t in label_all(texts, labeller)[0] if t.chain}
    _append_cost(store, codebook, ("prompts",), labeller, before)
    table = pa.table(
        {
            "prompt_id": pa.array([p.id for p in prompts], pa.string()),
            "theme": pa.array([last.get(p.id) for p in prompts], pa.string()),
        }
    )
    store.append(f"prompt-themes-{codebook}", ["all"], table)


def _cost(labeller: Labeller) -> Cost | None:
    return replace(labeller.cost) if isinstance(labeller, EndpointLabeller) else None


def _append_cost(store: Run, codebook: str, items: tuple[str, ...], labeller: Labeller, before: Cost | None) -> None:
    import pyarrow as pa

    if before is not None and (after := _cost(labeller)) is not None:
        row = {name: n - getattr(before, name) for name, n in asdict(after).items()}
        store.append(f"labelling-{codebook}", items, pa.Table.from_pylist([row]))


def training_texts(store: Run, settings: Settings) -> list[str]:
    """What was written after the training prompts, in order."""
    folds = read_fold_names(store, settings)
    texts: list[str] = []
    for items in store.shards("trajectories"):
        rows = store.table("trajectories", ["prompt_id", "text"], items=items).to_pylist()
        texts += [row["text"] for row in rows if folds[row["prompt_id"]] == "train"]
    return texts


def read_fold_names(store: Run, settings: Settings) -> dict[str, str]:
    """Prompt id -> "train", "validation" or "test"."""
    return {p.id: settings.fold_of(p) for p in prompts_from(store.table("prompts"))}


def read_codebook(store: Run) -> Codebook:
    """The run's codebook."""
    return Codebook.from_json(store.read_document("codebook"))


def read_cost(store: Run) -> dict[str, int]:
    """What labelling has cost in all, by kind; empty if the labeller does not count."""
    codebook = read_codebook(store).id
    if not store.done(f"labelling-{codebook}"):
        return {}
    table = store.table(f"labelling-{codebook}")
    failed = store.table(f"unlabelled-{codebook}").num_rows
    return {name: sum(table[name].to_pylist()) for name in table.column_names} | {"unlabelled": failed}


def read_labelled(store: Run) -> Iterator[Trajectory]:
    """The trajectories of a run that are labelled, with their segments, a shard in memory at a time.

    One that could not be judged has no segments.
    """
    family = f"segments-{read_codebook(store).id}"
    prompts = {p.id: p.text for p in prompts_from(store.table("prompts"))}
    for items in store.shards(family):
        trajectories = trajectories_from(store.table("trajectories", items=items), prompts)
        yield from with_segments(trajectories, store.table(family, items=items))


def read_folds(store: Run, settings: Settings) -> Folds:
    """What the prompts' samples went on to write, and the fold of each prompt.

    A trajectory the labeller could not judge is unknown at every step: counted, never guessed. Raises
    `RunIncompleteError` if some are not labelled yet.
    """
    codebook = read_codebook(store)
    if store.done(f"segments-{codebook.id}") != store.done("trajectories"):
        raise RunIncompleteError(f"{store.path} is labelled in part only; `forepath resume {store.path}`")
    failed = set(store.table(f"unlabelled-{codebook.id}")["trajectory"].to_pylist())
    prompts = tuple(prompts_from(store.table("prompts")))
    chains: dict[str, list[Chain]] = {p.id: [] for p in prompts}
    for trajectory in read_labelled(store):
        chains[trajectory.prompt_id].append(() if trajectory.id in failed else observed_chain(trajectory))
    folds = np.array([settings.fold_of(p) for p in prompts])
    return Folds(prompts, folds, futures_of(list(chains.values()), codebook.names, settings.horizon))


def observed(trajectory: Trajectory) -> Trajectory:
    """Without a last segment that was cut off before its first sentence ended: too little to name it."""
    last = trajectory.segments[-1:]
    if last and not trajectory.finished and not _SENTENCE_ENDS.search(trajectory.text[last[0].start : last[0].stop]):
        return replace(trajectory, segments=trajectory.segments[:-1])
    return trajectory


def observed_chain(trajectory: Trajectory) -> Chain:
    """The chain of what was `observed`."""
    return observed(trajectory).chain


def read_last_themes(store: Run, themes: tuple[str, ...]) -> np.ndarray:
    """(prompts,) index of the theme in which each prompt ends; `other` where nothing could be named."""
    last = store.table(f"prompt-themes-{read_codebook(store).id}")["theme"].to_pylist()
    return np.array([themes.index(theme or OTHER) for theme in last])
