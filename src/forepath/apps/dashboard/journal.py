"""A conversation on disk: one JSON line per event in RUN/live/, written before it is told.

A line is handed to the system at once, so `kill -9` loses nothing that a browser has seen. Where nothing can be written
the conversation goes on, in memory only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forepath.errors import RunError
from forepath.store import journal

FOLDER = "live"
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")


class Journal:
    """The lines of one conversation."""

    def __init__(self, run: Path, id: str) -> None:
        """Nothing is made before the first line."""
        self._path = run / FOLDER / f"{id}.jsonl"
        self.kept = True
        """False once a line could not be written."""

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line; never raises for a disk that is full or read-only."""
        if not self.kept:
            return
        try:
            journal.append(self._path, line, durable=False)
        except RunError:
            self.kept = False


def read_all(run: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(id, lines) of every conversation of a run, oldest first."""
    for path in sorted((run / FOLDER).glob("*.jsonl")):
        if _ID.fullmatch(path.stem) and (lines := list(journal.read(path))):
            yield path.stem, lines
