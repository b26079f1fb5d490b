"""Themes heard as a text is written: sentence by sentence, each labelled once, when it is finished.

Uses the structure and the labeller of `themes` on the paragraph being written only, so that the cost does not grow with
the text. A sentence is finished when something follows it. What is said is not taken back: where a labeller changes its
mind about a paragraph later on, or three short lines turn out to be verse, `Listener` differs from labelling the whole
text afterwards; how often is measured by `judging.heard`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from forepath.errors import LabellerError
from forepath.protocols import Labeller
from forepath.records import Trajectory
from forepath.themes.codebook import Decoding
from forepath.themes.labelling import NearestLabeller
from forepath.themes.segmentation import FENCE, blocks, units_of

MARKS = frozenset(".!?…\n")
"""Nothing is finished unless one of these was written."""
LONGEST = 20_000
"""Characters of a paragraph that are read again at each sentence; a longer one is cut there."""


class Heard(NamedTuple):
    """A finished sentence, or another whole unit of structure such as a list."""

    start: int
    stop: int
    """Characters of the text, counted from 0."""
    theme: str | None
    """None: the labeller could not judge."""


class Listener:
    """Hears one text. Feed it pieces in order; it answers with what they finished."""

    def __init__(self, labeller: Labeller) -> None:
        self._labeller = labeller
        self.text = ""
        """All that was written."""
        self._tail = 0
        """Where the paragraph being written begins."""
        self._heard = 0
        """Where what has been heard ends."""
        self.due = False
        """Whether what comes next finishes something, if it is more than space."""
        self._best: list[float] | None = None
        """How likely the block being written is with each label last, for a labeller by nearness (`further`)."""
        self._block = -1
        """Where that block begins."""

    def feed(self, piece: str) -> list[Heard]:
        """What is finished now that `piece` was written: mostly nothing."""
        self.text += piece
        if self.due and piece and not piece.isspace():
            found = self._finished(all_of_it=False)
            self.due = not MARKS.isdisjoint(piece)
            return found
        self.due = self.due or not MARKS.isdisjoint(piece)
        return []

    def finish(self, *, ended: bool) -> list[Heard]:
        """What the end of the text finishes; the last sentence is left out where it was cut off in its middle."""
        found = self._finished(all_of_it=True)
        cut = found and not ended and MARKS.isdisjoint(self.text[found[-1].start : found[-1].stop])
        return found[:-1] if cut else found

    def _finished(self, *, all_of_it: bool) -> list[Heard]:
        tail = self.text[self._tail :]
        out: list[Heard] = []
        cut = blocks(tail)
        for number, block in enumerate(cut):
            units = units_of(tail, block)
            whole = all_of_it or number < len(cut) - 1
            for a, b in units if whole else units[:-1]:
                if self._tail + a >= self._heard:
                    out.append(self._name(tail, block.start, a, b))
                    self._heard = self._tail + b
        if cut and (len(cut) > 1 or len(tail) > LONGEST) and not FENCE.match(tail, cut[-1].start):
            self._tail += cut[-1].start if len(cut) > 1 else max(0, self._heard - self._tail)
        return out

    def _name(self, tail: str, block: int, start: int, stop: int) -> Heard:
        a, b = self._tail + start, self._tail + stop
        labeller = self._labeller
        if isinstance(labeller, NearestLabeller):
            if self._block != self._tail + block:
                self._block, self._best = self._tail + block, None
            cosines = labeller.cosines_of(tail[start:stop])
            self._best = further(self._best, cosines, labeller.decoding)
            return Heard(a, b, labeller.names[self._best.index(max(self._best))])
        try:
            piece = Trajectory("", "", "", "", 0, (), tail[block:stop], False)
            segments = labeller.label(piece).segments
        except LabellerError:
            return Heard(a, b, None)
        return Heard(a, b, segments[-1].theme if segments else None)


def further(best: list[float] | None, cosines: Iterable[float], decoding: Decoding) -> list[float]:
    """One step of the forward pass that `themes.decoding.decode` makes over a block: its last label is the argmax.

    `best` (labels,) after the sentences before, None for the first; `cosines` (themes,) of this one. In plain numbers:
    a handful, once a sentence, for which arrays cost more than they save.
    """
    score = [decoding.sharpness * cosine for cosine in (*cosines, decoding.floor)]
    if best is None:
        return score
    stay, moved = math.log1p(-decoding.switch), max(best) + math.log(decoding.switch / max(len(score) - 1, 1))
    return [here + max(before + stay, moved) for here, before in zip(score, best, strict=True)]
