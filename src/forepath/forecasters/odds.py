"""Small laws that the odds of any forecaster obey. Knows arrays of probabilities only."""

from __future__ import annotations

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis.

    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: np.ndarray = odds / odds.sum(axis=-1, keepdims=True)
    return shares


def floored(probs: np.ndarray, floor: float | np.ndarray) -> np.ndarray:
    """Mix in even odds until no theme has less than about `floor` / themes. `floor` in [0, 1] broadcasts.

    >>> floored(np.array([1.0, 0.0]), 0.5).tolist()
    [0.75, 0.25]
    """
    mixed: np.ndarray = (1.0 - floor) * probs + floor / probs.shape[-1]
    return mixed


def absorbed(steps: np.ndarray, end: int) -> np.ndarray:
    """Let P(end) never fall from one step to the next; the other themes shrink in proportion.

    Steps that were fitted one by one, on samples of which some were cut off, can break this by a little.
    (rows, horizon, themes) -> the same.

    >>> absorbed(np.array([[[0.5, 0.5], [0.8, 0.2]]]), end=1)[0].tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    ended = np.maximum.accumulate(steps[..., end], axis=1)
    alive = np.maximum(1.0 - steps[..., end], 1e-300)  # where nothing is left, nothing is what shrinks
    kept: np.ndarray = steps * (np.maximum(1.0 - ended, 0.0) / alive)[..., None]
    kept[..., end] = ended
    return kept
