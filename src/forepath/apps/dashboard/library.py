"""Which runs there are, by id. A request names an id, never a path; a path is only ever one that was found here.

A run is a directory with a run.json, at most `DEPTH` folders under the root; links are not followed.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from forepath.apps.runs import OpenRun, open_run
from forepath.errors import RunError
from forepath.store.manifest import NAME

DEPTH = 3
_STRANGE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One run that was found."""

    id: str
    """1 to 64 of a-z, 0-9 and "-"; the same as long as the run is where it is."""
    name: str
    """Its path under the root."""
    path: Path


class Library:
    """The runs under one directory, or the one run that directory is."""

    def __init__(self, root: Path) -> None:
        """Raises `RunError` if there is no such directory."""
        if not root.is_dir():
            raise RunError(f"{root} is not a directory; give a run, or the directory that holds your runs")
        self.root = root.resolve()
        self._open: dict[str, tuple[tuple[int, int], OpenRun]] = {}
        self._lock = threading.Lock()

    def entries(self) -> list[Entry]:
        """What there is now, by name."""
        found: dict[str, Entry] = {}
        for path in _runs(self.root, DEPTH):
            name = path.relative_to(self.root).as_posix() if path != self.root else path.name
            id = _STRANGE.sub("-", name.lower()).strip("-")[:48] or "run"
            if id in found:
                id = f"{id}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
            found[id] = Entry(id, name, path)
        return list(found.values())

    def entry(self, id: str) -> Entry:
        """The run of that id. Raises `RunError`."""
        for entry in self.entries():
            if entry.id == id:
                return entry
        raise RunError(f"no run {id!r} under {self.root}; reload the list of runs")

    def open(self, id: str) -> OpenRun:
        """The run of that id, opened once; opened again if another run has taken its place."""
        path = self.entry(id).path
        with self._lock:
            state = (path / NAME).stat()
            mark = (state.st_ino, state.st_mtime_ns)
            if id not in self._open or self._open[id][0] != mark:
                self._open[id] = (mark, open_run(path))
            return self._open[id][1]


def _runs(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / NAME).is_file():
        yield folder
    elif depth:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
                yield from _runs(child, depth - 1)
