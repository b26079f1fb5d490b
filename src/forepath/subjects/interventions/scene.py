"""Which rows and positions a forward pass holds, so that a hook knows what it changes.

The subject says what comes next (`reading` prompts, `writing` one more token of each row); the passes themselves are
then recognised by the shape of their input, since a continuation may take its rows in groups of one prompt length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import InterventionError


@dataclass(frozen=True, slots=True)
class View:
    """One forward pass, of `rows` rows and `width` positions, padding on the right included."""

    positions: np.ndarray
    """(rows, width) int, counted from 0 at the beginning of the prompt."""
    lengths: np.ndarray
    """(rows,) tokens of each row's prompt."""
    real: np.ndarray
    """(rows, width) bool: not padding."""
    given: Sequence[Sequence[int]] | np.ndarray
    """(rows,) the prompts while they are read, then the rows' seeds."""
    written: bool
    """Whether these are positions of what the subject wrote, not of the prompt."""
    full: bool
    """Whether nothing is padding."""

    @property
    def keys(self) -> np.ndarray:
        """(rows,) uint64: what a row's random draws depend on: its prompt while that is read, then its seed."""
        return np.array(self.given if self.written else [_key(p) for p in self.given], dtype=np.uint64)

    def take(self, rows: np.ndarray, width: int) -> View:
        """Only these rows, cut to `width` positions."""
        given = self.given[rows] if isinstance(self.given, np.ndarray) else [self.given[r] for r in rows]
        real = self.real[rows, :width]
        return View(self.positions[rows, :width], self.lengths[rows], real, given, self.written, bool(real.all()))


def where_mask(where: str | Sequence[int], view: View) -> np.ndarray:
    """(rows, width) bool: the positions that `where` (as in `making`) names."""
    if where == "all":
        return view.real
    if where == "written":
        return view.real & view.written
    prompt = view.real & (not view.written)
    if where == "prompt":
        return prompt
    asked = [-1] if isinstance(where, str) else list(where)
    named = np.zeros_like(prompt)
    for position in asked:
        named |= view.positions == (position if position >= 0 else view.lengths[:, None] + position)
    return prompt & named


class Scene:
    """What the coming forward passes hold."""

    def __init__(self) -> None:
        self._whole: View | None = None
        self._left: list[np.ndarray] | None = []
        """Groups of one length that may still come; None: not divided yet."""

    def reading(self, prompts: Sequence[Sequence[int]]) -> None:
        """Prompts (token ids) are about to be read, at once or in groups of one length."""
        counts = [len(p) for p in prompts]
        lengths, width = np.array(counts), max(counts)
        positions = np.broadcast_to(np.arange(width), (len(counts), width))
        self._begin(View(positions, lengths, positions < lengths[:, None], prompts, False, min(counts) == width))

    def writing(self, lengths: np.ndarray, step: int, seeds: np.ndarray) -> None:
        """Every row (its prompt's length, its seed) is about to read the token it wrote at `step`, counted from 0."""
        positions = (lengths + step)[:, None]
        self._begin(View(positions, lengths, np.ones(positions.shape, dtype=bool), seeds, True, True))

    def _begin(self, whole: View) -> None:
        self._whole, self._left = whole, None

    def view(self, rows: int, width: int) -> View:
        """The pass of this shape. Raises `InterventionError` for one that does not belong to what was announced."""
        if self._whole is not None and self._left != []:
            whole = self._whole
            if self._left is None and (rows, width) == whole.positions.shape:
                self._left = []
                return whole
            if self._left is None:
                self._left = [np.flatnonzero(whole.lengths == n) for n in np.unique(whole.lengths)]
            group = self._left.pop(0)
            taken = whole.take(group, width)
            if rows == len(group) and width == taken.positions.shape[1] and taken.full:
                return taken
        raise InterventionError(
            f"a forward pass of {rows} rows and {width} positions is not what was announced: an intervention "
            "cannot follow this way of writing"
        )


def _key(prompt: Sequence[int]) -> int:
    digest = hashlib.blake2b(np.asarray(prompt, dtype="<i8").tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
