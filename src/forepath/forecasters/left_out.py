"""How far counts can be trusted, learned by leaving out one prompt at a time. Knows counts and theme indices only.

Samples of one prompt are alike, so that a context that only one prompt had looks surer than it is: counts are judged by
what came after them in prompts that did not make them.
"""

from __future__ import annotations

import numpy as np

STRENGTHS = tuple(float(10.0**e) for e in np.arange(-1.0, 4.3, 0.25))
"""Tried, in samples."""
JUDGED = 20000
"""Most samples on which they are compared."""


def judged_rows(count: int) -> np.ndarray:
    """(at most about 2 x `JUDGED`,) evenly spaced indices into `count` samples."""
    return np.arange(0, count, max(1, count // JUDGED))


def shared_counts(marks: np.ndarray, after: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """(rows, themes) what came after in all rows that have the same mark as each of `rows`."""
    wanted, which = np.unique(marks[rows], return_inverse=True)
    place = np.minimum(np.searchsorted(wanted, marks), len(wanted) - 1)
    mine = wanted[place] == marks
    flat = np.bincount(place[mine] * count + after[mine], minlength=len(wanted) * count)
    found: np.ndarray = flat.reshape(len(wanted), count)[which]
    return found


def learned_strength(others: np.ndarray, shorter: np.ndarray, after: np.ndarray) -> float:
    """The number of samples with the least cross-entropy for what came after, given the other prompts' counts."""
    told, rows = others.sum(axis=1) > 0, np.arange(len(after))
    if not told.any():
        return STRENGTHS[-1]  # no context was shared by two prompts: nothing says that it can be trusted
    hit, short, total = others[rows, after][told], shorter[rows, after][told], others.sum(axis=1)[told]
    losses = [-np.log((hit + s * short) / (total + s)).mean() for s in STRENGTHS]
    return STRENGTHS[int(np.argmin(losses))]
