"""How well boundaries were found: Pk, WindowDiff, boundary F1. Knows nothing of how they were found or of themes.

A segmentation is the length of a text and the places (character offsets, in 1..length-1) where a new segment begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forepath.records import Segment


@dataclass(frozen=True, slots=True)
class BoundaryScores:
    """Errors in [0, 1], lower is better; F1 in [0, 1], higher is better. NaN: nothing to judge by."""

    pk: float
    window_diff: float
    f1: float


def starts(segments: Sequence[Segment]) -> list[int]:
    """The places where a segment other than the first begins."""
    return [s.start for s in segments[1:]]


def score_boundaries(
    truth: Sequence[Sequence[int]], found: Sequence[Sequence[int]], lengths: Sequence[int], *, tolerance: int = 0
) -> BoundaryScores:
    """Pk (Beeferman et al. 1999), WindowDiff (Pevzner and Hearst 2002) and F1 over a corpus of texts.

    The window is half the mean true segment of the whole corpus, as usual; windows of all texts weigh alike. A found
    boundary is right if it lies within `tolerance` characters of a true one that no other boundary has taken.

    >>> score_boundaries([[4, 8]], [[4, 8]], [12])
    BoundaryScores(pk=0.0, window_diff=0.0, f1=1.0)
    >>> score_boundaries([[4, 8]], [[]], [12]).f1
    0.0
    """
    segments = sum(len(t) + 1 for t in truth)
    window = max(1, round(sum(lengths) / max(segments, 1) / 2))
    differ = miss = probes = 0
    for a, b, n in zip(truth, found, lengths, strict=True):
        d, m, p = _windows(a, b, n, window)
        differ, miss, probes = differ + d, miss + m, probes + p
    right = sum(_matched(a, b, tolerance) for a, b in zip(truth, found, strict=True))
    all_of_them = sum(map(len, truth)) + sum(map(len, found))
    nan = float("nan")
    return BoundaryScores(
        differ / probes if probes else nan,
        miss / probes if probes else nan,
        2 * right / all_of_them if all_of_them else nan,
    )


def _windows(truth: Sequence[int], found: Sequence[int], length: int, window: int) -> tuple[int, int, int]:
    """(probes whose two ends are judged together or apart wrongly, whose boundary counts differ, probes)."""
    probes = length - window
    if probes <= 0:
        return 0, 0, 0
    inside = []
    for places in (truth, found):
        marks = np.zeros(length + 1, dtype=np.int64)
        np.add.at(marks, np.asarray(places, dtype=np.int64), 1)
        before = np.cumsum(marks)[:length]  # boundaries at or before each character
        inside.append(before[window:] - before[:probes])
    a, b = inside
    return int(np.sum((a > 0) != (b > 0))), int(np.sum(a != b)), probes


def _matched(truth: Sequence[int], found: Sequence[int], tolerance: int) -> int:
    """Size of the greedy left-to-right matching, which is a largest one for points on a line."""
    a, b, right = sorted(truth), sorted(found), 0
    i = j = 0
    while i < len(a) and j < len(b):
        if abs(a[i] - b[j]) <= tolerance:
            right, i, j = right + 1, i + 1, j + 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return right
