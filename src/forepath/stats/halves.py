"""Half of the prompts, for fitting once more: what the luck of the training prompts is worth. Knows indices only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def half(groups: Sequence[str], seed: Sequence[int]) -> np.ndarray:
    """Indices into `groups` (prompts,), ascending: half of the groups, rounded up, each whole.

    The spread of fits to half-samples estimates that of fits to fresh training sets of the whole size, as the bootstrap
    does (of a mean exactly: s²/(n/2) x (1 - 1/2) = s²/n; McCarthy 1969, Rev. Int. Stat. Inst. 37:239; delete-d
    jackknife with d = n/2: Shao and Wu 1989, Ann. Statist. 17:1176), at half the cost and without prompts that occur
    twice. The mean of these fits is worse than the fit to all.

    >>> half(["a", "a", "b"], [1]).tolist() in ([0, 1], [0, 1, 2], [2])
    True
    """
    names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    order = np.random.default_rng(list(seed)).permutation(len(names))
    chosen = np.zeros(len(names), dtype=bool)
    chosen[order[: (len(names) + 1) // 2]] = True
    return np.flatnonzero(chosen[member])
