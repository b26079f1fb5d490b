"""From the nearness of sentences to themes, to segments: the likeliest labels of a chain that seldom switches.

Knows nothing of texts: rows of cosines in, one label per row out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from forepath.themes.codebook import Decoding

LEAST_PAIRS = 50
"""Neighbouring sentences below which nothing is estimated and the defaults stand."""


def decode(cosines: np.ndarray, blocks: Sequence[int], decoding: Decoding) -> np.ndarray:
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


def calibrated(cosines: np.ndarray, blocks: np.ndarray, null: np.ndarray) -> Decoding:
    """Settings estimated from unlabelled sentences: no truth is needed.

    `cosines` (n, k) of sentences; `blocks` (n,) as in `decode`; `null` (m,) the best cosine of each of m texts of no
    theme. Sharpness s and switch e are the maximum of the likelihood of the best theme t of a sentence given the
    cosines c of its neighbour in the block, P(t) = (1 - e) softmax(s c)[t] + e / k. Floor: what 95 % of the texts of
    no theme exceed, so that only a text less like any theme than a salad of words is `other`.
    """
    floor = float(np.quantile(null, 0.05)) if len(null) else Decoding().floor
    after = np.flatnonzero(blocks[1:] == blocks[:-1]) + 1
    if len(after) < LEAST_PAIRS:
        return Decoding(floor=floor)
    targets, rows = cosines.argmax(axis=1)[after - 1], cosines[after]
    best = (-np.inf, Decoding())
    for sharpness in np.geomspace(4, 80, 20):
        chance = _softmax(rows * sharpness)[np.arange(len(rows)), targets]
        for switch in np.linspace(0.02, 0.5, 25):
            fit = float(np.mean(np.log((1 - switch) * chance + switch / cosines.shape[1])))
            best = max(best, (fit, Decoding(float(sharpness), float(switch), floor)), key=lambda pair: pair[0])
    return best[1]


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
