"""How far chains are apart: edit distance, between pairs and between two distributions. Knows indices only."""

from __future__ import annotations

import numpy as np


def edit_distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n,) least number of themes put in, taken out or changed to turn one[i] into other[i] (Levenshtein 1966).

    Both (n, length) int, -1 after the last theme.

    >>> edit_distances(np.array([[0, 1, -1], [0, 1, 2]]), np.array([[0, -1, -1], [1, 2, 0]])).tolist()
    [1, 2]
    """
    a, b = (one >= 0).sum(axis=1), (other >= 0).sum(axis=1)
    long = other.shape[1]
    rows = [np.tile(np.arange(long + 1), (len(one), 1))]
    for i in range(one.shape[1]):
        row = np.empty_like(rows[0])
        row[:, 0] = i + 1
        for j in range(long):
            changed = rows[-1][:, j] + (one[:, i] != other[:, j])
            row[:, j + 1] = np.minimum(np.minimum(rows[-1][:, j + 1], row[:, j]) + 1, changed)
        rows.append(row)
    table = np.stack(rows, axis=1)
    found: np.ndarray = table[np.arange(len(one)), a, b]
    return found


def mean_distance(one: np.ndarray, other: np.ndarray, *, same: bool = False) -> np.ndarray:
    """(prompts,) mean edit distance between the chains of `one` (prompts, m, length) and of `other` (prompts, n,
    length), all pairs; `same`: they are the same chains, and none is paired with itself. A chain that is all -1 was not
    seen and is left out; NaN where no pair is left.
    """
    prompts, m, length = one.shape
    n = other.shape[1]
    left = np.repeat(one, n, axis=1).reshape(-1, length)
    right = np.tile(other, (1, m, 1)).reshape(-1, length)
    kept = (left[:, 0] >= 0) & (right[:, 0] >= 0)
    if same:
        kept &= ~np.tile(np.eye(m, dtype=bool).ravel(), prompts)
    distances = np.where(kept, edit_distances(left, right), 0).reshape(prompts, -1).sum(axis=1)
    pairs = kept.reshape(prompts, -1).sum(axis=1)
    found: np.ndarray = np.divide(distances, pairs, out=np.full(prompts, np.nan), where=pairs > 0)
    return found
