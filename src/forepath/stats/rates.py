"""Base rates: how often each theme comes at each step, whatever the prompt. Knows nothing of prompts' contents."""

from __future__ import annotations

import numpy as np

from forepath.records import Futures


def smoothed(counts: np.ndarray) -> np.ndarray:
    """Shares with half a sample of every theme added (Krichevsky & Trofimov 1981, IEEE Trans. Inf. Theory 27:199).

    A theme never seen keeps a small share, and no counts at all give even odds. (..., themes) -> the same, sums to 1.

    >>> smoothed(np.array([3, 0])).tolist()
    [0.875, 0.125]
    """
    with_half = np.asarray(counts, dtype=float) + 0.5
    shares: np.ndarray = with_half / with_half.sum(axis=-1, keepdims=True)
    return shares


def theme_counts(futures: Futures) -> np.ndarray:
    """(prompts, horizon, themes) int: how many of a prompt's observed samples had each theme at each step."""
    index = np.arange(len(futures.themes))
    counts: np.ndarray = (futures.steps[..., None] == index).sum(axis=1)
    return counts


def base_rates(futures: Futures) -> np.ndarray:
    """(horizon, themes) smoothed shares among all observed samples.

    >>> base_rates(Futures(("a", "end"), np.array([[[0, 1], [0, -1]]], dtype=np.int16))).round(3).tolist()
    [[0.833, 0.167], [0.25, 0.75]]
    """
    return smoothed(theme_counts(futures).sum(axis=0))
