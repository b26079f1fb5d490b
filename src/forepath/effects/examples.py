"""The pairs of texts that show what moved: chosen by the measures, not by eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forepath.effects.measures import Table
from forepath.effects.pairing import Pairs
from forepath.records import Effect, Trajectory

SHOWN = 5
"""Pairs in a report."""
_CLEAREST = 10
"""Effects whose pairs are looked for."""


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt's text before and after."""

    before: Trajectory
    after: Trajectory
    shows: tuple[str, ...]
    """The measures that differ in it the way they moved."""


def telling_pairs(pairs: Pairs, table: Table, effects: Sequence[Effect], most: int = SHOWN) -> tuple[Example, ...]:
    """At most one pair per prompt; those in which the most of what moved can be seen, weighted by how far it moved.

    None where nothing moved: a pair chosen for its difference would then show nothing but chance.
    """
    place = {name: i for i, name in enumerate(table.names)}
    kinds = ("theme", "transition", "measure")
    moved = [e for e in effects if e.moved and e.kind in kinds and e.measure in place]
    moved = sorted(moved, key=lambda e: (e.p, -abs(e.shift)))[:_CLEAREST]
    if not moved:
        return ()
    count = len(pairs.before)
    columns = [place[e.measure] for e in moved]
    apart = np.nan_to_num(table.values[count:, columns] - table.values[:count, columns])
    scale = np.maximum(np.abs(apart).max(axis=0), 1e-12)
    seen = apart / scale * np.sign([e.shift for e in moved])
    score = seen @ np.array([abs(e.shift) / max(e.high - e.low, 1e-12) for e in moved])
    chosen: list[Example] = []
    used: set[int] = set()
    for i in np.argsort(-score, kind="stable"):
        if len(chosen) == most or score[i] <= 0:
            break
        if int(pairs.prompt_of[i]) not in used:
            used.add(int(pairs.prompt_of[i]))
            shows = tuple(e.measure for e, s in zip(moved, seen[i], strict=True) if s > 0)
            chosen.append(Example(pairs.before[i], pairs.after[i], shows))
    return tuple(chosen)
