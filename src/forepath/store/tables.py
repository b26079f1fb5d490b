"""Prompts, trajectories and segments as tables and back. Knows the records and Arrow; not where tables are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from forepath.errors import RunError
from forepath.records import Intervention, Segment, Trajectory

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to continue."""

    id: str
    """Decided by the text alone."""
    text: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else its source said about it: JSON values by column."""
    copies: int = 1
    """How many times its source held the text."""


def prompts_table(prompts: Sequence[Prompt]) -> pa.Table:
    """One row per prompt: prompt_id, text, extra (a JSON object), copies."""
    import pyarrow as pa

    return pa.table(
        {
            "prompt_id": pa.array([p.id for p in prompts], pa.string()),
            "text": pa.array([p.text for p in prompts], pa.string()),
            "extra": pa.array([json.dumps(dict(p.extra), ensure_ascii=False) for p in prompts], pa.string()),
            "copies": pa.array([p.copies for p in prompts], pa.int32()),
        }
    )


def prompts_from(table: pa.Table) -> list[Prompt]:
    """The prompts of `prompts_table`."""
    return [Prompt(r["prompt_id"], r["text"], json.loads(r["extra"]), r["copies"]) for r in table.to_pylist()]


def trajectories_table(trajectories: Sequence[Trajectory]) -> pa.Table:
    """One row per trajectory, without its segments and array keys, which have tables of their own.

    Columns: id, prompt_id, sample, seed (uint64), tokens (list of int32), text, finished, subject, intervention (JSON
    or null). The prompt's text stands in the prompts table only. Raises `RunError` for an id that is not
    "<prompt_id>/<sample>".
    """
    import pyarrow as pa

    ts = trajectories
    return pa.table(
        {
            "id": pa.array([t.id for t in ts], pa.string()),
            "prompt_id": pa.array([t.prompt_id for t in ts], pa.string()),
            "sample": pa.array([_sample(t) for t in ts], pa.int32()),
            "seed": pa.array([t.seed for t in ts], pa.uint64()),
            "tokens": pa.array([t.tokens for t in ts], pa.list_(pa.int32())),
            "text": pa.array([t.text for t in ts], pa.string()),
            "finished": pa.array([t.finished for t in ts], pa.bool_()),
            "subject": pa.array([t.subject for t in ts], pa.string()),
            "intervention": pa.array([_intervention_json(t.intervention) for t in ts], pa.string()),
        }
    )


def trajectories_from(table: pa.Table, prompts: Mapping[str, str]) -> list[Trajectory]:
    """The trajectories of `trajectories_table`, in row order; `prompts` gives the text of each prompt id.

    Raises `RunError` for a prompt id it does not hold.
    """
    missing = sorted(set(table["prompt_id"].to_pylist()) - set(prompts))
    if missing:
        raise RunError(
            f"trajectories of prompts {missing[:3]} but no such prompts; hand over the run's whole prompts table"
        )
    return [
        Trajectory(
            id=r["id"],
            subject=r["subject"],
            prompt_id=r["prompt_id"],
            prompt=prompts[r["prompt_id"]],
            seed=r["seed"],
            tokens=tuple(r["tokens"]),
            text=r["text"],
            finished=r["finished"],
            intervention=None if r["intervention"] is None else Intervention(**json.loads(r["intervention"])),
        )
        for r in table.to_pylist()
    ]


def segments_table(trajectories: Sequence[Trajectory]) -> pa.Table:
    """One row per segment: trajectory (its id), index (from 0), start, stop (characters of its text), theme or null."""
    import pyarrow as pa

    rows = [(t.id, i, s) for t in trajectories for i, s in enumerate(t.segments)]
    return pa.table(
        {
            "trajectory": pa.array([id for id, _, _ in rows], pa.string()),
            "index": pa.array([i for _, i, _ in rows], pa.int32()),
            "start": pa.array([s.start for _, _, s in rows], pa.int32()),
            "stop": pa.array([s.stop for _, _, s in rows], pa.int32()),
            "theme": pa.array([s.theme for _, _, s in rows], pa.string()),
        }
    )


def with_segments(trajectories: Sequence[Trajectory], table: pa.Table) -> list[Trajectory]:
    """The trajectories with their segments of `segments_table` filled in; none where the table has none."""
    segments: dict[str, list[Segment]] = {}
    for row in table.sort_by([("trajectory", "ascending"), ("index", "ascending")]).to_pylist():
        segments.setdefault(row["trajectory"], []).append(Segment(row["start"], row["stop"], row["theme"]))
    return [replace(t, segments=tuple(segments.get(t.id, ()))) for t in trajectories]


def _sample(trajectory: Trajectory) -> int:
    prompt, _, sample = trajectory.id.rpartition("/")
    if prompt != trajectory.prompt_id or not sample.isdecimal():
        raise RunError(
            f"trajectory id {trajectory.id!r}: wanted '<prompt_id>/<sample>' of prompt {trajectory.prompt_id!r}"
        )
    return int(sample)


def _intervention_json(intervention: Intervention | None) -> str | None:
    if intervention is None:
        return None
    return json.dumps({"kind": intervention.kind, "site": intervention.site, "params": dict(intervention.params)})
