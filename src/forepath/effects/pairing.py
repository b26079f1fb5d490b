"""Which trajectory before belongs to which after: by prompt and sample number. Knows ids, not what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import InputError
from forepath.records import Trajectory


@dataclass(frozen=True, slots=True)
class Pairs:
    """Trajectories of the prompts that both sides have, in one order."""

    prompts: tuple[str, ...]
    """Ids, in the order of `before`."""
    before: tuple[Trajectory, ...]
    after: tuple[Trajectory, ...]
    """As long as `before`: entry i has the same prompt and sample number."""
    prompt_of: np.ndarray
    """(pairs,) int: index into `prompts`."""
    alone: int
    """Trajectories whose partner is missing; they are left out and counted."""

    @property
    def samples(self) -> float:
        """Pairs per prompt, on average."""
        return len(self.before) / len(self.prompts)


def pair(before: Sequence[Trajectory], after: Sequence[Trajectory]) -> Pairs:
    """Match by (prompt id, sample number).

    Raises `InputError` where nothing matches, an id is there twice, or one id stands for two different prompts.
    """
    sides = [_by_key(before, "before"), _by_key(after, "after")]
    shared = [key for key in sides[0] if key in sides[1]]
    if not shared:
        raise InputError(
            f"{len(before)} trajectories before and {len(after)} after have no prompt and sample number in common; "
            "sample the same prompts under the same ids on both sides"
        )
    differing = [k[0] for k in shared if sides[0][k].prompt != sides[1][k].prompt]
    if differing:
        raise InputError(f"prompt {differing[0]!r} is not the same text on both sides; pair runs of the same prompts")
    prompts = tuple(dict.fromkeys(prompt for prompt, _ in shared))
    index = {prompt: i for i, prompt in enumerate(prompts)}
    alone = len(before) + len(after) - 2 * len(shared)
    rows = [tuple(side[key] for key in shared) for side in sides]
    return Pairs(prompts, rows[0], rows[1], np.array([index[prompt] for prompt, _ in shared]), alone)


def group_index(prompts: Sequence[str], groups: Mapping[str, str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """((prompts,) int group of each, names); every prompt its own where there are no groups.

    Raises `InputError` for a prompt that `groups` leaves out.
    """
    if groups is None:
        return np.arange(len(prompts)), tuple(prompts)
    missing = [p for p in prompts if p not in groups]
    if missing:
        raise InputError(f"groups are given, but none for prompt {missing[0]!r}; give every prompt one")
    names = tuple(sorted({groups[p] for p in prompts}))
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[groups[p]] for p in prompts]), names


def _by_key(trajectories: Sequence[Trajectory], side: str) -> dict[tuple[str, str], Trajectory]:
    keyed = {(t.prompt_id, t.id.rpartition("/")[2]): t for t in trajectories}
    if len(keyed) != len(trajectories):
        raise InputError(
            f"{len(trajectories)} trajectories {side}, but only {len(keyed)} different ids; give each once"
        )
    return keyed
