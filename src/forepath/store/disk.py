"""Files that are either wholly there or not there at all, whatever kills the process. Knows bytes and paths only.

The order is the usual one of databases: write a temporary file beside the target, fsync it, rename it over the target,
fsync the directory. Files are readable by their owner only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forepath.errors import DiskFullError, RunError

TEMPORARY = ".tmp-"
"""How the name of everything unfinished begins."""

# EFBIG is what a file size limit of the process or file system gives: the remedy is the same.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def writing(path: Path, need: int = 0) -> Iterator[None]:
    """Turn what the system says about writing `path` (of `need` bytes) into typed errors."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise RunError(
                f"cannot write {path}: {error.strerror or error}; check the directory and its rights"
            ) from error
        amount = f"{max(need / 1e6, 0.1):.1f} MB" if need else "some space"
        raise DiskFullError(
            f"no room for {path}: nothing committed was lost; free {amount} or more, then `forepath resume` that run"
        ) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically and durably. Raises `DiskFullError` or `RunError`; the old file then still stands."""
    settle(stage(path, data), path)


def stage(path: Path, data: bytes) -> Path:
    """Write all that `path` is to hold under a temporary name beside it; what is then left to do needs no room."""
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    with writing(path, len(data)):
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:
            temporary.unlink(missing_ok=True)  # a full disk should not also keep the torn file
            raise
    return temporary


def settle(staged: Path, path: Path) -> None:
    """Give what was staged its name: a file takes the place of the old one; a folder needs the place free."""
    with writing(path):
        os.replace(staged, path)
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Create a directory (and its parents) for the owner only; nothing happens if it is there."""
    with writing(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a directory durable: without this a rename may not survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def seal(path: Path) -> None:
    """Make everything below a directory durable and readable by its owner only. Raises `RunError` on a link."""
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            file = Path(folder, name)
            if file.is_symlink():
                raise RunError(f"{file} is a link; a run holds its files itself: copy it there")
            file.chmod(0o600)
            sync_folder(file)
        Path(folder).chmod(0o700)
        sync_folder(Path(folder))


def remove(path: Path) -> None:
    """Delete a file or folder; nothing happens if it is not there."""
    with writing(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        sync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
