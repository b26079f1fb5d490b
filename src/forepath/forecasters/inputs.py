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
    return _finite(rows)


def checked_reads(activations: np.ndarray, *, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Several reads of each prompt (layers, last positions) as (rows, reads, width) float64; (rows, width) is one read.

    Raises `ActivationError` for other shapes, other than `shape` (reads, width), or numbers that are not finite.
    """
    rows = np.asarray(activations)
    rows = rows[:, None] if rows.ndim == 2 else rows
    if rows.ndim != 3 or 0 in rows.shape[1:]:
        raise ActivationError(
            f"activations of shape {np.shape(activations)}; wanted (rows, reads, width): a vector per prompt and read, "
            "or (rows, width) for one read"
        )
    if shape is not None and rows.shape[1:] != shape:
        raise ActivationError(
            f"{rows.shape[1]} reads of width {rows.shape[2]} per prompt; this forecaster was fitted on {shape[0]} of "
            f"width {shape[1]}: read the same sites of the same subject"
        )
    return _finite(rows)


def _finite(rows: np.ndarray) -> np.ndarray:
    wide = rows.astype(np.float64)
    if np.isfinite(wide).all():
        return wide
    bad = np.flatnonzero(~np.isfinite(wide).all(axis=tuple(range(1, wide.ndim))))
    names = ", ".join(map(str, bad[:10])) + (", …" if len(bad) > 10 else "")
    raise ActivationError(
        f"{len(bad)} of {len(wide)} rows hold NaN or infinite activations: rows {names}; leave these prompts out, "
        "or capture them in float32"
    )


def checked_pair(activations: np.ndarray, futures: Futures) -> np.ndarray:
    """`checked`, and as many rows as `futures` has prompts, at least one. Raises `ActivationError`."""
    return _paired(checked(activations), futures)


def checked_reads_pair(activations: np.ndarray, futures: Futures) -> np.ndarray:
    """`checked_reads`, and as many rows as `futures` has prompts, at least one. Raises `ActivationError`."""
    return _paired(checked_reads(activations), futures)


def _paired(wide: np.ndarray, futures: Futures) -> np.ndarray:
    if len(wide) != len(futures.steps) or not len(wide):
        raise ActivationError(
            f"{len(wide)} rows of activations for the futures of {len(futures.steps)} prompts; wanted one row per "
            "prompt, and at least one"
        )
    return wide
