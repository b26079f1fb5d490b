"""Where sentences begin and end: a rule-based splitter. Knows nothing of paragraphs, themes or languages but European.

A sentence ends at `.`, `!`, `?` or `…`, with the quotes and brackets that close there, before white space and something
that is not lower case; not after a common abbreviation or a single letter.
"""

from __future__ import annotations

import re

Span = tuple[int, int]
"""(start, stop) in characters; `text[start:stop]`."""

ENDS = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)")  # linear on any text
SHORT = frozenset((
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "rev", "hon", "gen", "col", "capt", "lt", "sgt", "messrs", "mme",
    "mlle", "vs", "etc", "cf", "fig", "figs", "vol", "no", "nos", "pp", "ed", "eds", "al", "e.g", "i.e", "a.m", "p.m",
    "approx", "dept", "inc", "ltd", "co",
))  # fmt: skip
"""Lower-case words after which a full stop seldom ends a sentence."""
LAST_WORD = re.compile(r"[\w.]+\Z")
OPENING = "\"'“‘«([—-*_"


def sentences(text: str, start: int = 0, stop: int | None = None) -> list[Span]:
    """The sentences of `text[start:stop]`, in order, without the white space around them.

    Nothing but white space lies between them, so together they hold every other character.

    >>> text = 'Dr. Lee stirred 2.5 g in. "Done?" she asked. It was.'
    >>> [text[a:b] for a, b in sentences(text)]
    ['Dr. Lee stirred 2.5 g in.', '"Done?" she asked.', 'It was.']
    """
    stop = len(text) if stop is None else stop
    spans, begin = [], start
    for end in ENDS.finditer(text, start, stop):
        if _goes_on(text, begin, end, stop):
            continue
        spans.append((begin, end.end()))
        begin = end.end()
    spans.append((begin, stop))
    return [s for s in (trimmed(text, a, b) for a, b in spans) if s[0] < s[1]]


def trimmed(text: str, start: int, stop: int) -> Span:
    """The span without the white space at its two ends."""
    piece = text[start:stop]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _goes_on(text: str, begin: int, end: re.Match[str], stop: int) -> bool:
    """Whether the sentence goes on after this candidate end."""
    after = text[end.end() : min(end.end() + 8, stop)].lstrip().lstrip(OPENING)
    if after[:1].islower():
        return True
    if end.group() != ".":
        return False
    word = LAST_WORD.search(text, max(begin, end.start() - 12), end.start())
    if word is None:
        return False
    return word.group().lower() in SHORT or (len(word.group()) == 1 and word.group().isalpha() and word.group() != "I")
