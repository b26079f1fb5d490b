"""Named float arrays as safetensors bytes and back, bfloat16 included. Knows NumPy only: neither torch nor runs.

NumPy has no bfloat16, and the readers of the `safetensors` package need torch for it, so the format (8 bytes of header
length, a JSON header, raw little-endian data: https://github.com/huggingface/safetensors) is written and read here.
One array is read without touching the others of its file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from forepath.errors import RunCorruptError, RunError

CODES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
"""Stored dtype -> its code in the header."""
_STORED: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


def pack(arrays: Mapping[str, np.ndarray], dtypes: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file; equal input gives equal bytes. `dtypes` is by name, float32 if absent.

    Raises `RunError` for an unknown dtype, or where a finite value would become infinite in the stored one.
    """
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    offset = 0
    for name in sorted(arrays):
        dtype = dtypes.get(name, "float32")
        if dtype not in CODES:
            raise RunError(f"array {name!r}: dtype {dtype!r} cannot be stored; choose {', '.join(CODES)}")
        part = _narrow(name, arrays[name], dtype).tobytes()
        header[name] = {
            "dtype": CODES[dtype],
            "shape": list(arrays[name].shape),
            "data_offsets": [offset, offset + len(part)],
        }
        parts.append(part)
        offset += len(part)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, *parts))


def unpack(path: Path, name: str) -> np.ndarray:
    """One array of a file, as float32. Raises `RunError` if it has no such array, `RunCorruptError` if it is torn."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError("the header is longer than the file")
            header = json.loads(stream.read(length))
            if name not in header:
                raise RunError(f"no array {name!r} in {path}; there are {', '.join(sorted(header))}")
            entry = header[name]
            stored = _STORED[entry["dtype"]]
            start, stop = entry["data_offsets"]
            stream.seek(8 + length + start)
            flat = np.frombuffer(stream.read(stop - start), dtype=stored)
            return _widen(flat, entry["dtype"]).reshape(entry["shape"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunCorruptError(
            f"{path} is not readable safetensors ({error}); restore it or delete its commit"
        ) from error


def _narrow(name: str, array: np.ndarray, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):  # what overflows is counted below
        wide = np.ascontiguousarray(array, dtype="<f4")
        narrow = wide.astype("<f2") if dtype == "float16" else _to_bfloat16(wide) if dtype == "bfloat16" else wide
        lost = int((np.isfinite(array) & ~np.isfinite(_widen(narrow, CODES[dtype]))).sum())
    if lost:
        raise RunError(
            f"array {name!r}: {lost} finite values do not fit {dtype} (largest {np.nanmax(np.abs(array)):.3g}); "
            "store it as float32, or rescale it"
        )
    return narrow


def _to_bfloat16(wide: np.ndarray) -> np.ndarray:
    """Round to nearest, ties to even: add half of the last kept bit, less one if that bit is even, and cut."""
    bits = wide.view("<u4")
    rounded = ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype("<u2")
    # the sum would carry a NaN into infinity or zero
    return np.where(np.isnan(wide), ((bits >> 16) | 0x40).astype("<u2"), rounded)


def _widen(stored: np.ndarray, code: str) -> np.ndarray:
    return (stored.astype("<u4") << 16).view("<f4") if code == "BF16" else stored.astype("<f4", copy=False)
