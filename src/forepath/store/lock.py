"""One writer per run directory (on POSIX systems). Knows a file and a process id.

The kernel's own lock is used because it goes with its process: after `kill -9` the next writer simply gets it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from forepath.errors import RunError
from forepath.store.disk import writing


def take(path: Path) -> int:
    """Lock the file at `path` and return the handle to `release`. Raises `RunError` if another holder is alive."""
    with writing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise RunError(
                f"{path.parent} is being written by process {holder}; wait for it, or stop it and try again"
            ) from error
        except OSError:
            os.close(handle)
            raise
    return handle


def release(handle: int) -> None:
    """Let the next writer in. The file stays: deleting it could leave two writers holding two files of one name."""
    os.close(handle)
