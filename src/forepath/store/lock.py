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


def holder(path: Path) -> int | None:
    """The process that holds the lock at `path` now, None if nobody does. Only looks: a writer is never in its way.

    Where the kernel does not list its locks (not Linux), whether that process is alive must do.
    """
    try:
        pid, inode = int(path.read_text(errors="replace").strip()), path.stat().st_ino
    except (OSError, ValueError):
        return None
    try:
        listed = Path("/proc/locks").read_text().splitlines()
        held = any("FLOCK" in line and f":{inode} " in line for line in listed)
    except OSError:
        held = _alive(pid)
    return pid if held else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def release(handle: int) -> None:
    """Let the next writer in. The file stays: deleting it could leave two writers holding two files of one name."""
    os.close(handle)
