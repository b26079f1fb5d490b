"""What an intervention touched: counted by every hook, so that one that did nothing is not read as a null result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import InterventionError


@dataclass(slots=True)
class Touched:
    """The counts of one part of an intervention, added up over forward passes."""

    part: str
    """In words."""
    passes: int = 0
    """Forward passes in which it changed something."""
    rows: int = 0
    """Rows changed, added up over the passes. A prompt that many rows continue is read once."""
    prompt_positions: int = 0
    """Positions of prompts changed, added up over rows."""
    written_positions: int = 0
    """Positions of written tokens changed, added up over rows."""
    steps: int = 0
    """Passes in which it changed written tokens."""

    def add(self, mask: np.ndarray, written: bool) -> None:
        """`mask` (rows, positions) bool: what was changed in one pass."""
        self._count(int(mask.any(axis=1).sum()), int(mask.sum()), written)

    def add_all(self, rows: int, width: int, written: bool) -> None:
        """Every position of every row was."""
        self._count(rows, rows * width, written)

    def _count(self, rows: int, positions: int, written: bool) -> None:
        if positions:
            self.passes += 1
            self.rows += rows
            self.steps += written
            self.written_positions += positions if written else 0
            self.prompt_positions += 0 if written else positions

    @property
    def positions(self) -> int:
        """All positions changed."""
        return self.prompt_positions + self.written_positions


class Touches:
    """The counts of all parts; hand the same to several calls to add them up."""

    def __init__(self) -> None:
        self.parts: list[Touched] = []

    def prepare(self, names: Sequence[str]) -> list[Touched]:
        """Fresh counts for one stream, of the parts by `names`; `gather` adds them up."""
        if [t.part for t in self.parts] != list(names):
            self.parts = [Touched(name) for name in names]
        return [Touched(name) for name in names]

    def gather(self, fresh: Sequence[Touched]) -> None:
        """Add the counts of one stream."""
        for total, new in zip(self.parts, fresh, strict=True):
            for field in ("passes", "rows", "prompt_positions", "written_positions", "steps"):
                setattr(total, field, getattr(total, field) + getattr(new, field))


def require(fresh: Sequence[Touched], subject: str) -> None:
    """Raises `InterventionError` where a part changed nothing at all."""
    idle = [t.part for t in fresh if not t.positions]
    if idle:
        raise InterventionError(
            f"on {subject}, {'; '.join(idle)} changed no position of any row: the place was never reached or `where` "
            "names positions that these prompts do not have; choose others (nothing changed is not a null result)"
        )
