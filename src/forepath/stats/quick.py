"""Two small products for one text at a time, where the calls of an array library cost more than its numbers.

A monitor makes one forecast and one label a sentence, between two steps of a model that has emptied the processor's
caches: what then counts is how little is touched. Both are compiled (`_quick.c`) where a C compiler was at hand when
forepath was installed, and what stands here is used elsewhere. Knows arrays only.
"""

from __future__ import annotations

import numpy as np

__all__ = ["COMPILED", "cosines", "heads", "heads_by_numpy", "odds", "odds_by_numpy", "terms"]
VERSION = 1
"""Of `_quick.c`: one that was compiled from another is not used. `cosines` and `terms` are there where it is."""


def heads_by_numpy(
    weights: np.ndarray, intercepts: np.ndarray, keep: np.ndarray, floor: np.ndarray, end: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """What `odds` takes, all float64: `weights` (width, heads * themes), `intercepts` (heads, themes), `keep` and
    `floor` (heads, 1), `end` the number of a theme.
    """
    return weights, intercepts, keep, floor, end


def odds_by_numpy(
    heads: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], point: np.ndarray, out: np.ndarray
) -> int:
    """softmax(point @ weights + intercepts) * keep + floor of each head, into `out` (heads, themes).

    -1 and nothing written if `point` is not (width,) finite float32 or float64 numbers side by side; 1 if the odds of
    the theme `end` fall from one head to the next; else 0.
    """
    weights, intercepts, keep, floor, end = heads
    point = np.asarray(point)
    fits = point.shape == weights.shape[:1] and point.dtype in (np.float32, np.float64) and point.flags.c_contiguous
    if not fits or not np.isfinite(point).all():
        return -1
    linear = (point @ weights).reshape(out.shape) + intercepts
    shares = np.exp(linear - linear.max(axis=1, keepdims=True))
    np.multiply(shares, keep / shares.sum(axis=1, keepdims=True), out=out)
    out += floor
    ended = out[:, end].tolist()
    return int(ended != sorted(ended))


try:
    from forepath.stats._quick import cosines, heads, odds, terms, version

    COMPILED = version() == VERSION
except ImportError:
    COMPILED = False
if not COMPILED:
    heads, odds = heads_by_numpy, odds_by_numpy  # type: ignore[assignment]
