"""Half of the prompts, for fitting once more: what the luck of the training prompts is worth. Knows indices only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def half(groups: Sequence[str], seed: Sequence[int]) -> np.ndarray:
    """Indices into `groups` (prompts,), ascending: half of the groups, rounded up, each whole.

    The spread of fits to half-samples, times `widening`, estimates that of fits to fresh training sets of the whole
    size (McCarthy 1969, Rev. Int. Stat. Inst. 37:239; the delete-d jackknife of Shao and Wu 1989, Ann. Statist.
    17:1176), at half the cost of the bootstrap and without prompts that occur twice. That is so for means; of a loss,
    which grows with the square of what a fit is off, it is rather too wide. The mean of these fits is worse than the
    fit to all.

    >>> half(["a", "a", "b"], [1]).tolist() in ([0, 1], [0, 1, 2], [2])
    True
    """
    names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    order = np.random.default_rng(list(seed)).permutation(len(names))
    chosen = np.zeros(len(names), dtype=bool)
    chosen[order[: (len(names) + 1) // 2]] = True
    return np.flatnonzero(chosen[member])


def widening(groups: Sequence[str]) -> float:
    """By what to multiply the standard deviation over halves: 1 for an even number of groups; NaN for one group.

    A mean of m of n without replacement has the variance s²/m x (1 - m/n), one of n fresh ones s²/n.

    >>> widening(["a", "b"]), widening(["a", "b", "b", "c"])
    (1.0, 1.4142135623730951)
    """
    count = len(set(groups))
    chosen = (count + 1) // 2
    return math.sqrt(chosen / (count - chosen)) if count > 1 else math.nan
