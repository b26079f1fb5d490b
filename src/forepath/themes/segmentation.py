"""Cuts a text into segments by its structure: blank lines, headings, lists, code fences, verse, speaker turns.

Change points are looked for only inside long blocks without structure, and only if an embedding is at hand. Knows
nothing of codebooks: naming is `labelling`. Works on a continuation as on a whole text: no header is expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from forepath.records import Segment
from forepath.themes.sentences import Span, sentences, trimmed

FENCE = re.compile(r"\s*(```|~~~)")
UNDERLINE = re.compile(r"(={3,}|-{3,})\s*$")
LINE = re.compile(
    r"(?P<list>\s*(?:[-*•+–]|\(?\d{1,3}[.)]|\(?[a-z]\))\s+\S|\s*(?:[-*•])$)"
    r"|(?P<heading>#{1,6}\s+\S|(?i:chapter|book|act|scene|part|section)\s+(?:[IVXLC]+|\d+)\b[^.!?]{0,60}[.:]?\s*$)"
    r"|(?P<turn>[A-Z][\w.’'-]{0,20}(?: [A-Z][\w.’'-]{0,20}){0,3}:\s|[A-Z][A-Z’' ]{2,30}\.\s)"
)
"""What begins like an item of a list, a heading or a speaker's turn; of several the first."""
VERSE_WIDTH = 60
"""Verse lines are shorter than this many characters; hard-wrapped prose is wider."""
LONG = 12
"""Sentences from which a block of prose is searched for change points."""
PENALTY = 1.5
"""Cost of a change point, in units of the variance within a segment: a cut where nothing changes gains about 1."""

Embed = Callable[[Sequence[str]], np.ndarray]


class Block(NamedTuple):
    """A stretch of text that its structure holds together."""

    start: int
    stop: int
    kind: str
    """ "prose", "turn", "heading", "list", "verse" or "code"."""


def segment(text: str, embed: Embed | None = None) -> tuple[Segment, ...]:
    """The segments of `text`, in order, themes not yet given; between them lies white space only.

    `embed` maps texts to (n, d) unit vectors; without it long blocks of prose stay whole.

    >>> text = "Eggs:\\n- two eggs\\n- salt\\n\\nBeat the eggs. Fry them."
    >>> [text[s.start : s.stop] for s in segment(text)]
    ['Eggs:\\n- two eggs\\n- salt', 'Beat the eggs. Fry them.']
    """
    spans: list[Span] = []
    for block in blocks(text):
        units = units_of(text, block)
        if embed is None or len(units) < LONG:
            spans.append((block.start, block.stop))
            continue
        firsts = [0, *change_points(embed([text[a:b] for a, b in units]))]
        lasts = [*(i - 1 for i in firsts[1:]), len(units) - 1]
        spans += [(units[a][0], units[b][1]) for a, b in zip(firsts, lasts, strict=True)]
    return tuple(Segment(a, b) for a, b in spans)


def units_of(text: str, block: Block) -> list[Span]:
    """What a block may be cut between: sentences of prose and of turns; any other block is one unit."""
    if block.kind in ("prose", "turn"):
        return sentences(text, block.start, block.stop)
    return [(block.start, block.stop)]


def change_points(vectors: np.ndarray) -> list[int]:
    """Rows of (n, d) unit vectors where the direction changes: kernel change points (Arlot et al. 2019), cosine kernel.

    The variance within a segment is taken from neighbours, which seldom lie in two: the median of 1 - cosine. In high
    dimension a cut where nothing changes gains nearly that and no more, whatever the lengths; `PENALTY` asks for more.
    """
    import ruptures

    if len(vectors) < 4:
        return []
    variance = float(np.median(1 - np.sum(vectors[1:] * vectors[:-1], axis=1)))
    if variance <= 0:
        return []
    search = ruptures.KernelCPD(kernel="linear", min_size=2).fit(vectors.astype(float))
    return [int(i) for i in search.predict(pen=PENALTY * variance)[:-1]]


def blocks(text: str) -> tuple[Block, ...]:
    """The structural blocks of `text`, in order; every character that is not white space lies in exactly one.

    A heading belongs to the block that follows it, the line that leads into a list to the list. A fence that is never
    closed goes on to the end.
    """
    if "\n" not in text:  # one line, as most of what is being written
        start, stop = trimmed(text, 0, len(text))
        return (Block(start, stop, "code" if FENCE.match(text) else _kind(text[start:stop])),) if start < stop else ()
    found: list[Block] = []
    for start, stop, kind in _paragraphs(text):
        found += [Block(start, stop, "code")] if kind == "code" else _split(text, start, stop)
    out: list[Block] = []
    for block in found:
        if out and out[-1].kind == "heading" and block.kind != "heading":
            block = Block(out.pop().start, block.stop, block.kind)
        out.append(block)
    return tuple(out)


def _lines(text: str, start: int, stop: int) -> list[Span]:
    out, begin = [], start
    while begin < stop:
        end = text.find("\n", begin, stop)
        end = stop if end < 0 else end
        out.append((begin, end))
        begin = end + 1
    return out


def _paragraphs(text: str) -> list[tuple[int, int, str]]:
    """Groups of lines between blank lines and fences: (start, stop, "code" or "")."""
    out: list[tuple[int, int, str]] = []
    begin: int | None = None
    fence = ""
    last = 0

    def close(kind: str) -> None:
        nonlocal begin
        if begin is not None:
            start, stop = trimmed(text, begin, last)
            if start < stop:
                out.append((start, stop, kind))
        begin = None

    for a, b in _lines(text, 0, len(text)):
        mark = FENCE.match(text, a, b)
        if fence:
            last = b
            if mark and mark.group(1) == fence:
                close("code")
                fence = ""
            continue
        if mark:
            close("")
            begin, fence = a, mark.group(1)
        elif not text[a:b].strip():
            close("")
        elif begin is None:
            begin = a
        last = b
    close("code" if fence else "")
    return out


def _kind(line: str) -> str:
    if len(line) > 1 and not line[0].isalnum() and not any(c.isalnum() for c in line):
        return "heading"  # a rule or a row of stars: it opens what follows
    found = LINE.match(line)
    kind = "prose" if found is None else str(found.lastgroup)
    if kind == "list":
        return kind
    shouted = line.isupper() and sum(c.isalpha() for c in line) > 3 and len(line) < 60 and line[-1] not in ".!?,;"
    return "heading" if shouted else kind


def _split(text: str, start: int, stop: int) -> list[Block]:
    """The blocks of one paragraph: runs of lines of one kind."""
    lines = [trimmed(text, a, b) for a, b in _lines(text, start, stop)]
    if _is_verse([text[a:b] for a, b in lines]):
        return [Block(start, stop, "verse")]
    out: list[Block] = []
    for n, (a, b) in enumerate(lines):
        kind = _kind(text[a:b])
        if n == 1 and UNDERLINE.fullmatch(text[a:b]):
            kind, out = "heading", []
            a = start
        before = out[-1] if out else None
        leads = kind == "list" and n == 1 and before is not None and before.kind == "prose"
        continues = before is not None and kind == "prose" and before.kind != "heading"
        if before is not None and (leads or continues or (kind == before.kind != "turn")):
            out[-1] = Block(before.start, b, "list" if leads else before.kind)
        else:
            out.append(Block(a, b, kind))
    return out


def _is_verse(lines: list[str]) -> bool:
    """At least three short lines, nearly all of which begin with a capital and few of which end a sentence."""
    if len(lines) < 3 or max(map(len, lines)) >= VERSE_WIDTH or any(_kind(line) != "prose" for line in lines):
        return False
    capital = sum(line.lstrip("\"'“‘(_")[:1].isupper() for line in lines)
    return capital >= 0.8 * len(lines) and sum(line[-1:] in ".!?" for line in lines) <= 0.7 * len(lines)
