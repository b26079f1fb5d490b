"""From the nearness of sentences to themes, to segments: the likeliest labels of a chain that seldom switches.

Knows nothing of texts: rows of cosines in, one label per row out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from forepath.themes.codebook import Decoding

LEAST_SEAMS = 30
"""Neighbouring blocks, or neighbouring sentences, below which nothing is estimated and the defaults stand."""


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


def calibrated(cosines: np.ndarray, blocks: np.ndarray, texts: np.ndarray, null: np.ndarray) -> Decoding:
    """Settings estimated from unlabelled sentences: no truth is needed.

    `cosines` (n, k) of sentences; `blocks` and `texts` (n,) non-decreasing numbers of the block and text each stands
    in; `null` (m,) the best cosine of each of m texts of no theme.

    Sharpness: blank lines are free supervision. Neighbouring blocks of a text are glued in pairs, and the sharpness
    taken that finds the seams again best (boundary F1). Switch: the share of changes that decoding the blocks with it
    yields, iterated. Floor: what 95 % of the texts of no theme exceed, so that only a text less like any theme than a
    salad of words is `other`.
    """
    floor = float(np.quantile(null, 0.05)) if len(null) else Decoding().floor
    same_block = blocks[1:] == blocks[:-1]
    first_block = blocks[np.searchsorted(texts, texts)]
    pairs = np.unique(np.stack([texts, (blocks - first_block) // 2]), axis=1, return_inverse=True)[1].ravel()
    glued = pairs[1:] == pairs[:-1]
    seams = glued & ~same_block
    if seams.sum() < LEAST_SEAMS or same_block.sum() < LEAST_SEAMS:
        return Decoding(floor=floor)
    rate = float(np.clip(seams.sum() / glued.sum(), 0.01, 0.5))
    best = (-1.0, Decoding().sharpness)
    for sharpness in np.geomspace(5, 80, 13):
        labels = decode(cosines, pairs, Decoding(float(sharpness), rate, floor))
        cuts = glued & (labels[1:] != labels[:-1])
        f1 = float(2 * (cuts & seams).sum() / (cuts.sum() + seams.sum()))
        best = max(best, (f1, float(sharpness)))
    switch = Decoding().switch
    for _ in range(4):
        labels = decode(cosines, blocks, Decoding(best[1], switch, floor))
        switch = float(np.clip((labels[1:] != labels[:-1])[same_block].mean(), 0.01, 0.5))
    return Decoding(round(best[1], 3), round(switch, 4), round(floor, 4))
