"""Prompts drawn again, for fitting once more: what the luck of the training prompts is worth. Knows indices only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def redrawn(groups: Sequence[str], seed: Sequence[int]) -> np.ndarray:
    """Indices into `groups` (prompts,), ascending: as many groups as there are, drawn with replacement, each whole.

    The bootstrap of Efron (1979, Ann. Statist. 7:1): the spread of fits to such draws estimates that of fits to fresh
    training sets of this size. About 63 % of the groups are in a draw, so the mean of these fits is somewhat worse than
    the fit to all.

    >>> redrawn(["a", "a", "b"], [1]).tolist() in ([0, 0, 1, 1], [0, 1, 2], [2, 2])
    True
    """
    names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    rng = np.random.default_rng(list(seed))
    times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
    return np.repeat(np.arange(len(member)), times[member])
