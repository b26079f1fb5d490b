"""A conversation on disk: one JSON line per event in RUN/live/, written before it is told.

A line is handed to the system at once, so `kill -9` loses nothing that a browser has seen; a torn last line is skipped.
Where nothing can be written the conversation goes on, in memory only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n")
        except OSError:
            self.kept = False


def read_all(run: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(id, lines) of every conversation of a run, oldest first."""
    for path in sorted((run / FOLDER).glob("*.jsonl")):
        if _ID.fullmatch(path.stem):
            lines = []
            for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    break
            if lines:
                yield path.stem, lines
