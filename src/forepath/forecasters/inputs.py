"""What every forecaster asks of the arrays it is handed. Knows shapes and numbers only."""

from __future__ import annotations

import numpy as np

from forepath.errors import ActivationError
from forepath.records import Futures


def checked(activations: np.ndarray, *, width: int | None = None) -> np.ndarray:
    """The same as (rows, width) float64. Raises `ActivationError` for other shapes or numbers that are not finite."""
    rows = np.asarray(activations)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ActivationError(f"activations of shape {rows.shape}; wanted (rows, width): one vector per prompt")
    if width is not None and rows.shape[1] != width:
        raise ActivationError(
            f"activations of width {rows.shape[1]}; this forecaster was fitted on {width}: read the same site of the "
            "same subject"
        )
    wide = rows.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(wide).all(axis=1))
    if len(bad):
        names = ", ".join(map(str, bad[:10])) + (", …" if len(bad) > 10 else "")
        raise ActivationError(
            f"{len(bad)} of {len(wide)} rows hold NaN or infinite activations: rows {names}; leave these prompts out, "
            "or capture them in float32"
        )
    return wide


def checked_pair(activations: np.ndarray, futures: Futures) -> np.ndarray:
    """`checked`, and as many rows as `futures` has prompts, at least one. Raises `ActivationError`."""
    wide = checked(activations)
    if len(wide) != len(futures.steps) or not len(wide):
        raise ActivationError(
            f"{len(wide)} rows of activations for the futures of {len(futures.steps)} prompts; wanted one row per "
            "prompt, and at least one"
        )
    return wide
