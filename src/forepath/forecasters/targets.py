"""From futures to what the solver is fitted to, and which prompts are kept aside. Knows indices."""

from __future__ import annotations

import hashlib

import numpy as np

from forepath.forecasters.solver import Rows
from forepath.records import END, UNKNOWN, Futures

ASIDE = 0.2
"""Share of the prompts on which penalties are chosen."""


def step_rows(futures: Futures, step: int) -> Rows:
    """One row per prompt that was observed at `step`: the shares of its samples. One group."""
    shares, seen = futures.frequencies()
    point = np.flatnonzero(seen[:, step])
    return Rows(point, np.zeros(len(point), dtype=int), shares[point, step], seen[point, step].astype(float))


def chain_rows(futures: Futures, step: int) -> Rows:
    """One row per (prompt, theme before `step`): the shares of what came next. The group is the theme before.

    After `end` nothing is left to learn, so that it is no group.
    """
    count = len(futures.themes)
    before, after = futures.steps[:, :, step - 1].astype(int), futures.steps[:, :, step].astype(int)
    kept = (before != UNKNOWN) & (after != UNKNOWN) & (before != futures.themes.index(END))
    pair = np.arange(len(before))[:, None] * count + before
    pairs, row = np.unique(pair[kept], return_inverse=True)
    counts = np.bincount(row * count + after[kept], minlength=len(pairs) * count).reshape(len(pairs), count)
    seen = counts.sum(axis=1).astype(float)
    return Rows(pairs // count, pairs % count, counts / np.maximum(seen, 1.0)[:, None], seen)


def of_points(rows: Rows, chosen: np.ndarray) -> Rows:
    """The rows of the points where `chosen` (points,) is true, with points numbered anew."""
    kept = chosen[rows.point]
    number = np.cumsum(chosen) - 1
    return Rows(number[rows.point[kept]], rows.group[kept], rows.targets[kept], rows.weights[kept])


def kept_aside(activations: np.ndarray, seed: int) -> np.ndarray:
    """(prompts,) bool: about `ASIDE` of the prompts, at least one of them false.

    Drawn by a hash of each prompt's own activations, so that the order of the prompts does not matter and a prompt that
    occurs twice is wholly on one side.

    >>> x = np.random.default_rng(0).standard_normal((10, 3))
    >>> int(kept_aside(x, 0).sum()), bool((kept_aside(x, 0)[::-1] == kept_aside(x[::-1], 0)).all())
    (2, True)
    """
    order = _marks(activations, seed)
    aside: np.ndarray = order < np.sort(order)[round(ASIDE * len(order))]
    return aside


def parts_of(activations: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(prompts,) 0 to count - 1: as `kept_aside`, in `count` parts of about one size.

    >>> x = np.random.default_rng(0).standard_normal((1000, 3))
    >>> bool((np.abs(np.bincount(parts_of(x, 5, 0)) - 200) < 50).all())
    True
    """
    part: np.ndarray = (_marks(activations, seed) % np.uint64(count)).astype(int)
    return part


def _marks(activations: np.ndarray, seed: int) -> np.ndarray:
    """(prompts,) uint64: a hash of each prompt's own activations."""
    key = seed.to_bytes(8, "little", signed=True)
    marks = [hashlib.blake2b(row.tobytes(), key=key, digest_size=8).digest() for row in np.asarray(activations) + 0.0]
    return np.array([int.from_bytes(mark, "little") for mark in marks], dtype=np.uint64)


def canonical(activations: np.ndarray, futures: Futures) -> np.ndarray:
    """(prompts,) an order that does not depend on the one given: by a hash of each prompt's activations and futures.

    A fit that draws batches takes its prompts in this order first, so that equal data give an equal fit.

    >>> f = Futures(("a", "end"), np.zeros((9, 2, 1), dtype=np.int16))
    >>> x = np.random.default_rng(0).standard_normal((9, 3))
    >>> bool((x[canonical(x, f)] == x[::-1][canonical(x[::-1], f)]).all())
    True
    """
    rows = zip(np.asarray(activations) + 0.0, futures.steps, strict=True)
    marks = [hashlib.blake2b(row.tobytes() + steps.tobytes(), digest_size=16).digest() for row, steps in rows]
    return np.array(sorted(range(len(marks)), key=marks.__getitem__), dtype=int)
