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
    end, count = themes.index(END), len(themes)
    steps = np.zeros((len(first), horizon, count))
    carried = np.zeros((len(first), horizon))
    rows, last = np.nonzero(first > 0)
    rows, probs, paths, rest = _split(rows, first[rows, last], last[:, None], len(first), count, width, least)
    ended = np.zeros(len(first))
    done: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for step in range(horizon):
        if step:
            moved = _carry(step, rest, tail, end)
            odds = probs[:, None] * extend(step, rows, paths)
            entry, last = np.nonzero(odds > 0)
            rows, probs, paths, rest = _split(
                rows[entry], odds[entry, last], np.column_stack([paths[entry], last]), len(first), count, width, least
            )
            rest += moved
        np.add.at(steps[:, step], (rows, paths[:, -1]), probs)
        steps[:, step] += rest
        carried[:, step] = rest.sum(axis=1)
        steps[:, step, end] += ended
        over = paths[:, -1] == end
        done.append((rows[over], probs[over], np.pad(paths[over], ((0, 0), (0, horizon - step - 1)),
                                                     constant_values=UNKNOWN)))  # fmt: skip
        np.add.at(ended, rows[over], probs[over])
        rows, probs, paths = rows[~over], probs[~over], paths[~over]
    done.append((rows, probs, paths))
    steps /= steps.sum(axis=2, keepdims=True)
    return Explored(steps, *listed(len(first), done, themes), carried)


def _split(
    rows: np.ndarray, probs: np.ndarray, paths: np.ndarray, count: int, themes: int, width: int, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The beam (rows ascending) and, as (count, themes), the mass by last theme of all that is not in it."""
    rest = np.zeros((count, themes))
    kept = probs >= least
    np.add.at(rest, (rows[~kept], paths[~kept, -1]), probs[~kept])
    rows, probs, paths = rows[kept], probs[kept], paths[kept]
    order = np.lexsort((-probs, rows))
    rows, probs, paths = rows[order], probs[order], paths[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    late = rank >= width
    np.add.at(rest, (rows[late], paths[late, -1]), probs[late])
    return rows[~late], probs[~late], paths[~late], rest


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
