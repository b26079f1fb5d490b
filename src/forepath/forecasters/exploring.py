"""Chains whose odds depend on all themes so far: the likeliest found by beam, the rest carried on by a simpler chain.

Knows probabilities, not where they come from. Nothing is lost: what leaves the beam goes on as a mass per (row, last
theme) that a first-order `tail` moves, so that the odds of every step sum to 1 and the mass that the tail moved is
stated. What is in the beam is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forepath.forecasters.chains import LEAST, Transition, listed
from forepath.records import END, UNKNOWN, Chain

WIDTH = 48
"""Most chains of one row that go on at a time."""
FAINT = 1e-6
"""Mass of a (row, last theme) outside the beam below which it is spread by the step's other odds."""

CHUNK = 512
"""Rows explored together: bounds the memory."""

Extension = Callable[[int, np.ndarray, np.ndarray], np.ndarray]
"""(step counted from 1, (n,) rows ascending, (n, step) themes so far) -> (n, themes) P(theme at that step)."""


@dataclass(frozen=True, slots=True)
class Explored:
    """What was found."""

    steps: np.ndarray
    """(rows, horizon, themes); sums to 1 over themes."""
    chains: tuple[Chain, ...]
    probs: np.ndarray
    """(rows, chains); below `LEAST` reads 0."""
    carried: np.ndarray
    """(rows, horizon) share of each step's mass that the tail moved: 0 where the odds are exact."""


def explore(
    first: np.ndarray,
    extend: Extension,
    tail: Transition,
    themes: tuple[str, ...],
    horizon: int,
    *,
    width: int = WIDTH,
    least: float = LEAST,
) -> Explored:
    """From P(theme at step 0) (rows, themes) to all steps and the likeliest chains.

    Each row keeps its `width` likeliest beginnings of at least `least`.

    >>> stay = lambda h, rows, paths: np.tile([0.25, 0.75], (len(rows), 1))
    >>> found = explore(np.array([[0.5, 0.5]]), stay, stay, ("a", "end"), 2)
    >>> found.steps[0, 1].tolist(), found.chains[0], float(found.carried.max())
    ([0.125, 0.875], ('end',), 0.0)
    """
    count = len(first)
    steps, carried = np.zeros((count, horizon, len(themes))), np.zeros((count, horizon))
    done: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for at in range(0, count, CHUNK):
        chunk = slice(at, min(at + CHUNK, count))
        found = _explore(first[chunk], _shifted(extend, at), _shifted(tail, at), themes.index(END), horizon, width,
                         least)  # fmt: skip
        steps[chunk], carried[chunk] = found[0], found[1]
        done += [(rows + at, probs, paths) for rows, probs, paths in found[2]]
    if not done:
        return Explored(steps, (), np.zeros((0, 0)), carried)
    return Explored(steps, *listed(count, done, themes), carried)


def _shifted(ask: Extension, at: int) -> Extension:
    return lambda step, rows, before: ask(step, rows + at, before)


_Beam = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(n,) rows ascending, (n,) probabilities, (n, step) paths."""


def _explore(
    first: np.ndarray, extend: Extension, tail: Transition, end: int, horizon: int, width: int, least: float
) -> tuple[np.ndarray, np.ndarray, list[_Beam]]:
    """(steps, carried, what was found) of a chunk of rows."""
    steps, carried = np.zeros((len(first), horizon, first.shape[1])), np.zeros((len(first), horizon))
    every = np.arange(len(first))
    beam, rest = _split(every, first, np.zeros((len(first), 0), dtype=int), len(first), width, least)
    ended = np.zeros(len(first))
    done: list[_Beam] = []
    for step in range(horizon):
        if step:
            moved = _carry(step, rest, tail, end)
            rows, probs, paths = beam
            odds = probs[:, None] * extend(step, rows, paths) if len(rows) else np.zeros((0, first.shape[1]))
            beam, rest = _split(rows, odds, paths, len(first), width, least)
            rest += moved
        rows, probs, paths = beam
        np.add.at(steps[:, step], (rows, paths[:, -1]), probs)
        steps[:, step] += rest
        carried[:, step] = rest.sum(axis=1)
        steps[:, step, end] += ended
        over = paths[:, -1] == end
        padded = np.pad(paths, ((0, 0), (0, horizon - step - 1)), constant_values=UNKNOWN)
        listed_now = over if step + 1 < horizon else np.ones_like(over)
        done.append((rows[listed_now], probs[listed_now], padded[listed_now]))
        np.add.at(ended, rows[over], probs[over])
        beam = (rows[~over], probs[~over], paths[~over])
    steps /= steps.sum(axis=2, keepdims=True)
    return steps, carried, done


def _split(
    rows: np.ndarray, odds: np.ndarray, paths: np.ndarray, count: int, width: int, least: float
) -> tuple[_Beam, np.ndarray]:
    """The beam of paths one theme longer and, as (count, themes), the mass by last theme of all that is not in it.

    `odds` (n, themes) of each path's next theme, times the path's own.
    """
    rest = np.zeros((count, odds.shape[1]))
    kept = odds >= max(least, 1e-300)
    faint = np.where(kept, 0.0, odds)
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    if len(rows):
        rest[rows[starts]] = np.add.reduceat(faint, starts, axis=0)
    entry, last = np.nonzero(kept)
    probs = odds[entry, last]
    order = np.lexsort((-probs, rows[entry]))
    entry, last, probs = entry[order], last[order], probs[order]
    owner = rows[entry]
    late = np.arange(len(owner)) - np.searchsorted(owner, owner) >= width
    np.add.at(rest, (owner[late], last[late]), probs[late])
    return (owner[~late], probs[~late], np.column_stack([paths[entry[~late]], last[~late]])), rest


def _carry(step: int, rest: np.ndarray, tail: Transition, end: int) -> np.ndarray:
    """The mass outside the beam, one step on. Faint entries move as the row's others do."""
    moved = np.zeros_like(rest)
    rows, before = np.nonzero((rest > FAINT) & (np.arange(rest.shape[1]) != end))
    np.add.at(moved, rows, rest[rows, before, None] * tail(step, rows, before))
    alive = rest.sum(axis=1) - rest[:, end]
    known = moved.sum(axis=1)
    moved *= np.divide(alive, known, out=np.zeros_like(known), where=known > 0)[:, None]
    moved[:, end] += rest[:, end] + np.where(known > 0, 0.0, alive)
    return moved
