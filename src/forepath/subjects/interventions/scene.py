"""Which rows and positions a forward pass holds, so that a hook knows what it changes.

The subject says what comes next (`reading` prompts, `writing` one more token of each row); the passes themselves are
then recognised by the shape of their input, since a continuation may take its rows in groups of one prompt length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from forepath.errors import InterventionError


class View:
    """One forward pass, of `rows` rows and `width` positions, padding on the right included.

    Its arrays are made when they are asked for: a change of every position of unpadded rows asks for none.
    """

    def __init__(self, counts: Sequence[int], given: Sequence[Sequence[int]] | np.ndarray, step: int | None) -> None:
        """`counts`: tokens of each row's prompt. `given`: the prompts; the rows' seeds once they write. `step`: of the
        written token that is read, counted from 0; None while prompts are read."""
        self._counts, self.given, self._step = counts, given, step
        self.rows = len(counts)
        self.width = max(counts) if step is None else 1
        self.written = step is not None
        """Whether these are positions of what the subject wrote, not of the prompt."""
        self.full = self.written or min(counts) == self.width
        """Whether nothing is padding."""

    @cached_property
    def lengths(self) -> np.ndarray:
        """(rows,) tokens of each row's prompt."""
        return np.asarray(self._counts)

    @cached_property
    def positions(self) -> np.ndarray:
        """(rows, width) int, counted from 0 at the beginning of the prompt."""
        if self._step is not None:
            written: np.ndarray = (self.lengths + self._step)[:, None]
            return written
        return np.broadcast_to(np.arange(self.width), (self.rows, self.width))

    @cached_property
    def real(self) -> np.ndarray:
        """(rows, width) bool: not padding."""
        if self.full:
            return np.ones((self.rows, self.width), dtype=bool)
        inside: np.ndarray = self.positions < self.lengths[:, None]
        return inside

    @property
    def keys(self) -> np.ndarray:
        """(rows,) uint64: what a row's random draws depend on: its prompt while that is read, then its seed."""
        return np.array(self.given if self.written else [_key(p) for p in self.given], dtype=np.uint64)

    def groups(self) -> list[View]:
        """The rows divided by the length of their prompts, shortest first."""
        out = []
        for length in np.unique(self.lengths):
            rows = np.flatnonzero(self.lengths == length)
            given = self.given[rows] if isinstance(self.given, np.ndarray) else [self.given[int(r)] for r in rows]
            out.append(View([int(length)] * len(rows), given, self._step))
        return out

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether `shape` is (rows, positions), or both as one axis (OPT hands them so to its MLP)."""
        return tuple(shape) in ((self.rows, self.width), (self.rows * self.width,))


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
        self.whole: View | None = None
        """All that was announced."""
        self._left: list[View] | None = []
        """Groups of one length that may still come; None: not divided yet."""

    def reading(self, prompts: Sequence[Sequence[int]]) -> None:
        """Prompts (token ids) are about to be read, at once or in groups of one length."""
        self.whole, self._left = View([len(p) for p in prompts], prompts, None), None

    def writing(self, lengths: np.ndarray, step: int, seeds: np.ndarray) -> None:
        """Every row (its prompt's length, its seed) is about to read the token it wrote at `step`, counted from 0."""
        self.whole, self._left = View(lengths, seeds, step), None  # type: ignore[arg-type]

    def view(self, shape: Sequence[int]) -> View:
        """The pass of this shape. Raises `InterventionError` for one that does not belong to what was announced."""
        if self.whole is not None and self._left != []:
            if self._left is None and self.whole.fits(shape):
                self._left = []
                return self.whole
            if self._left is None:
                self._left = self.whole.groups()
            taken = self._left.pop(0)
            if taken.fits(shape):
                return taken
        raise InterventionError(
            f"a forward pass of shape {tuple(shape)} is not what was announced: an intervention cannot follow this "
            "way of writing"
        )


def _key(prompt: Sequence[int]) -> int:
    digest = hashlib.blake2b(np.asarray(prompt, dtype="<i8").tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
