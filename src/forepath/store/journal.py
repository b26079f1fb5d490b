"""Lines that are added one at a time, by any number of processes, and never changed.

Needs no lock, no index and no memory. What a kill cut short is left out when the lines are read, and the next line
begins anew after it. Knows JSON and paths.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forepath.errors import RunError
from forepath.store import disk


def append(path: Path, line: Mapping[str, Any], *, durable: bool = True) -> None:
    """Add a line of strict JSON; before this returns it is on the disk, or with the system if not `durable`.

    Folders are made as needed, but not the run itself. Raises `DiskFullError`, `RunError`.
    """
    try:
        data = json.dumps(line, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise RunError(
            f"a line of {path} is not strict JSON ({error}); write what could not be judged as null"
        ) from error
    with disk.writing(path, len(data)):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size and os.pread(handle, 1, size - 1) != b"\n"
            data = b"\n" * bool(torn) + data
            if os.write(handle, data) < len(data):  # one call, at the end: lines of two processes do not mix
                raise OSError(errno.ENOSPC, "the disk took only a part")
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        if new and durable:
            disk.sync_folder(path.parent)
            disk.sync_folder(path.parent.parent)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines in order, but for those that were cut short; none where there is no file. Raises `RunError`."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}; check its rights") from error
