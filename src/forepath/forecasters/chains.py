"""From odds of the next theme given the one before to whole chains. Knows probabilities, not where they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from forepath.records import END, Chain

LEAST = 0.002
"""Chains less likely than this are "something else"."""
MOST = 2048
"""Most chains listed for a batch of rows."""

CHUNK = 2048
"""Beginnings carried on together: few enough to stay in the cache."""

Transition = Callable[[int, np.ndarray, np.ndarray], np.ndarray]
"""(step counted from 0, (n,) rows, (n,) themes before) -> (n, themes) P(theme at that step | row, theme before)."""


def likely_chains(
    first: np.ndarray, transition: Transition, themes: tuple[str, ...], horizon: int
) -> tuple[tuple[Chain, ...], np.ndarray]:
    """Every chain of every row with probability at least `LEAST`, exactly, up to `MOST` in all.

    `first` (rows, themes) P(theme at step 0). A chain ends in `end` or has `horizon` themes. No chain is likelier than
    its beginning, so that dropping beginnings below `LEAST` loses no chain above it, and at most 1/LEAST live per row.
    Returns (chains, (rows, chains) probabilities), likeliest in any row first; below `LEAST` reads 0.

    >>> stay = lambda h, rows, before: np.tile([0.25, 0.75], (len(rows), 1))
    >>> chains, probs = likely_chains(np.array([[0.5, 0.5]]), stay, ("a", "end"), 2)
    >>> chains, probs.tolist()
    ((('end',), ('a', 'end'), ('a', 'a')), [[0.5, 0.375, 0.125]])
    """
    end = themes.index(END)
    rows, last = np.nonzero(first >= LEAST)
    probs, paths = first[rows, last], last[:, None]
    done: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for step in range(1, horizon):
        over = last == end
        done.append((rows[over], probs[over], _padded(paths[over], horizon)))
        rows, probs, paths, last = rows[~over], probs[~over], paths[~over], last[~over]
        entry, last, longer = _longer(step, rows, last, probs, transition)
        rows, probs, paths = rows[entry], longer, np.column_stack([paths[entry], last])
    done.append((rows, probs, _padded(paths, horizon)))
    return listed(len(first), done, themes)


def _longer(
    step: int, rows: np.ndarray, before: np.ndarray, probs: np.ndarray, transition: Transition
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(which beginning, theme after it, probability) of all that stay at least `LEAST`."""
    parts = []
    for at in range(0, max(len(rows), 1), CHUNK):
        chunk = slice(at, at + CHUNK)
        odds = probs[chunk, None] * transition(step, rows[chunk], before[chunk])
        entry, last = np.nonzero(odds >= LEAST)
        parts.append((entry + at, last, odds[entry, last]))
    entry, last, longer = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return entry, last, longer


def listed(
    count: int, parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], themes: tuple[str, ...]
) -> tuple[tuple[Chain, ...], np.ndarray]:
    """One table of (rows, probabilities, paths padded with -1) found in parts, for `count` rows; at most `MOST` chains.

    Likeliest in any row first.
    """
    rows, probs, paths = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    distinct, which = _distinct(paths, len(themes))
    peaks = np.zeros(len(distinct))
    np.maximum.at(peaks, which, probs)
    best = np.argsort(-peaks, kind="stable")[:MOST]
    place = np.full(len(distinct), -1)
    place[best] = np.arange(len(best))
    kept = place[which] >= 0
    table = np.zeros((count, len(best)))
    table[rows[kept], place[which[kept]]] = probs[kept]
    return tuple(tuple(themes[t] for t in distinct[i] if t >= 0) for i in best), table


def _distinct(paths: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(distinct rows in order, which of them each row is). Paths as one number each, where they fit into 64 bits."""
    if float(count + 1) ** paths.shape[1] >= 2.0**62:
        distinct, which = np.unique(paths, axis=0, return_inverse=True)
        return distinct, which.reshape(-1)
    keys = np.zeros(len(paths), dtype=np.int64)
    for column in paths.T:
        keys = keys * (count + 1) + (column + 1)
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return paths[first], which.reshape(-1)


def _padded(paths: np.ndarray, horizon: int) -> np.ndarray:
    return np.pad(paths, ((0, 0), (0, horizon - paths.shape[1])), constant_values=-1)
