"""How much work a regular expression can be made to do at one place, from its parse tree. Knows nothing of texts.

Python's matcher tries every way to divide a text among the repeats of a pattern. A repeat followed by something that
begins with none of its own characters can only stop in one place (`\\d+` before `\\s*`), so that it costs its length;
others multiply with what comes after them. Compare Weideman et al. 2016, "Analyzing matching time behavior of
backtracking regular expression matchers by using ambiguity of NFA".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

LONGEST = 512
"""Characters of the longest text that is matched at once; an unlimited repeat has at most so many turns."""
ENOUGH = 10**9
"""Counting stops here."""

_WIDE = frozenset(range(128, 132))
"""Characters beyond ASCII, in four bags: words, digits, spaces, the rest."""
_CHARACTERS = frozenset(range(128)) | _WIDE
_OVER = 132
"""Nothing more is asked for: what comes before cannot be made to try again."""
_ANYTHING = _CHARACTERS | {_OVER}
_BAGS = {"DIGIT": {129}, "SPACE": {130}, "WORD": {128, 129}}
_CLASSES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
Next = frozenset[int]
"""ASCII codes, bags and `_OVER`: with what the rest of a pattern can begin."""


def work(tree: Iterable[Any]) -> int:
    """Steps at one place of a text of `LONGEST` characters, an upper bound up to `ENOUGH`; short of where it starts.

    >>> parse = __import__("re._parser")._parser.parse
    >>> work(parse(r"^\\s*\\d+[.]\\s+")) < 10_000 < 10**8 < work(parse("(a+)+b"))
    True
    """
    return _effort(tree, frozenset({_OVER}))[1]


def _effort(tree: Iterable[Any], after: Next) -> tuple[int, int]:
    """(ways to match from one place, steps to try them all) of a sequence followed by `after`."""
    nodes, follows = [(str(name), value) for name, value in tree], []
    for name, value in reversed(nodes):
        follows.append(after)
        after = _begin(name, value, after)
    ways, steps = 1, 0
    for (name, value), follow in zip(nodes, reversed(follows), strict=True):
        more, cost = _effort_of(name, value, follow)
        ways, steps = min(ways * more, ENOUGH), min(steps + ways * cost, ENOUGH)
    return ways, steps


def _effort_of(name: str, value: Any, after: Next) -> tuple[int, int]:
    alone = frozenset({_OVER})  # what never gives back is matched as if nothing came after it
    if name == "SUBPATTERN":
        return _effort(value[3], after)
    if name == "BRANCH":
        found = [_effort(branch, after) for branch in value[1]]
        begins = [_sequence(branch, after) for branch in value[1]]
        one = sum(map(len, begins)) == len(frozenset().union(*begins))
        return (max if one else sum)(ways for ways, _ in found), sum(steps for _, steps in found) + 1
    if name in ("ASSERT", "ASSERT_NOT"):
        return 1, _effort(value[1], alone)[1] + 1
    if name == "ATOMIC_GROUP":
        return 1, _effort(value, alone)[1] + 1
    if name == "POSSESSIVE_REPEAT":
        return 1, min(int(value[1]), LONGEST) * (_effort(value[2], alone)[1] + 1)
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        return _repeat(int(value[0]), int(value[1]), value[2], after)
    if name == "GROUPREF_EXISTS":
        found = [_effort(part, after) for part in value[1:] if part]
        return sum(ways for ways, _ in found) + 1, sum(steps for _, steps in found) + 1
    return 1, 1


def _repeat(low: int, high: int, body: Any, after: Next) -> tuple[int, int]:
    high = max(low, min(high, LONGEST))
    again = _sequence(body, after)
    ways, steps = _effort(body, again | after if high > 1 else after)
    if ways == 1:
        told = repr(body)  # a look ahead reads without consuming, so its turns do not share the text between them
        steps = high * (steps + 1) if "ASSERT" in told else min(high * (steps + 1), LONGEST * (1 + told.count("(")))
        return (high - low + 1 if again & after else 1), steps
    total, turn = 0, min(ways ** min(low, 30), ENOUGH)
    for _ in range(low, high + 1):
        total, turn = total + turn, min(turn * ways, ENOUGH)
        if total >= ENOUGH:
            break
    return min(total, ENOUGH), min(total * steps, ENOUGH)


def _sequence(tree: Iterable[Any], after: Next) -> Next:
    """With what a sequence followed by `after` can begin."""
    for name, value in reversed(list(tree)):
        after = _begin(str(name), value, after)
    return after


def _begin(name: str, value: Any, after: Next) -> Next:
    """With what a node followed by `after` can begin; more than the truth where it is not known."""
    if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
        return _members(name, value)
    if name == "AT":  # may fail by itself where nothing else would be asked for
        return _ANYTHING if _OVER in after else after
    if name == "SUBPATTERN":
        return _sequence(value[3], after)
    if name == "ATOMIC_GROUP":
        return _sequence(value, after)
    if name == "BRANCH":
        return frozenset().union(*(_sequence(branch, after) for branch in value[1]))
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _sequence(value[2], after) | (after if int(value[0]) == 0 else frozenset())
    return _ANYTHING


def _members(name: str, value: Any) -> Next:
    """The characters that a node of one character can match, case ignored; more than the truth beyond ASCII."""
    if name == "ANY":
        return _CHARACTERS
    if name == "LITERAL":
        return _cases(int(value), int(value))
    if name == "NOT_LITERAL":
        return (_CHARACTERS - _cases(int(value), int(value))) | _WIDE
    found: Next = frozenset()
    for kind, what in value:
        if str(kind) == "LITERAL":
            found |= _cases(int(what), int(what))
        elif str(kind) == "RANGE":
            found |= _cases(int(what[0]), int(what[1]))
        elif str(kind) == "CATEGORY":
            found |= _category(str(what).removeprefix("CATEGORY_"))
    return (_CHARACTERS - found) | _WIDE if str(value[0][0]) == "NEGATE" else found


@cache
def _cases(low: int, high: int) -> Next:
    """The characters from `low` to `high` in either case. i, k and s have cases beyond ASCII."""
    letters = {ord(c) for n in range(low, min(high, 127) + 1) for c in (chr(n).lower(), chr(n).upper())}
    if high > 127:
        alone = [
            bag for kind, bag in (("DIGIT", 129), ("WORD", 128), ("SPACE", 130)) if re.match(_CLASSES[kind], chr(high))
        ]
        beyond = _WIDE if low < high else {*alone[:1]} or {131}
        return frozenset(letters | beyond | (set(map(ord, "iIkKsS")) if 128 in beyond else set()))
    return frozenset(letters | ({128} if letters & set(map(ord, "iks")) else set()))


@cache
def _category(name: str) -> Next:
    """`\\d`, `\\S` and the like."""
    kind = name.removeprefix("NOT_")
    inside = {n for n in range(128) if re.match(_CLASSES[kind], chr(n))}
    if name != kind:
        return (_CHARACTERS - inside) | _WIDE
    return frozenset(inside | _BAGS[kind])
