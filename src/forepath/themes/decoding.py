"""From the nearness of sentences to themes, to segments: the likeliest labels of a chain that seldom switches.

Knows nothing of texts: rows of cosines in, one label per row out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from forepath.themes.codebook import Decoding


def decode(cosines: np.ndarray, blocks: Sequence[int] | np.ndarray, decoding: Decoding) -> np.ndarray:
    """(n,) the label of each sentence: an index into the k themes, or k for `other`.

    `cosines` (n, k); `blocks` (n,) non-decreasing numbers of the block each sentence stands in. Each block is decoded
    by itself (Viterbi, Potts transitions): log-odds are `sharpness` x cosine, `other` stands at the cosine `floor`.
    """
    n, k = cosines.shape
    score = np.concatenate([cosines, np.full((n, 1), decoding.floor)], axis=1) * decoding.sharpness
    labels: np.ndarray = score.argmax(axis=1)
    edges = np.flatnonzero(np.diff(np.asarray(blocks), prepend=-1, append=-1))
    stay, move = np.log1p(-decoding.switch), np.log(decoding.switch / max(k, 1))
    for a, b in pairwise(edges):
        if b - a > 1 and np.any(labels[a:b] != labels[a]):  # a block of one best label is already decoded
            labels[a:b] = _viterbi(score[a:b], float(stay), float(move))
    return labels


def _viterbi(score: np.ndarray, stay: float, move: float) -> np.ndarray:
    """The likeliest path through (n, k) scores when every other state is equally far."""
    n, k = score.shape
    came = np.empty((n, k), dtype=np.int64)
    best = score[0]
    for i in range(1, n):
        top = int(best.argmax())
        moved = best[top] + move > best + stay
        came[i] = np.where(moved, top, np.arange(k))
        best = np.where(moved, best[top] + move, best + stay) + score[i]
    path = np.empty(n, dtype=np.int64)
    path[-1] = int(best.argmax())
    for i in range(n - 1, 0, -1):
        path[i - 1] = came[i, path[i]]
    return path
