"""Regular expressions given by users, made safe to run on hostile text. Knows nothing of codebooks.

Python's matcher backtracks and cannot be interrupted, so a pattern is admitted only if the ways it can be tried at one
place are few: they are counted on its parse tree, and text is read in pieces of bounded length.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

from forepath.errors import CodebookError

PIECE = 512
"""Longest text matched at once, in characters; longer text is matched piece by piece."""
MOST_WAYS = 4 * PIECE * PIECE
"""Most ways a pattern may be tried at one place: two unlimited repeats are within it, three are not."""

_parse = importlib.import_module("re._parser").parse


def compiled(pattern: str, where: str) -> re.Pattern[str]:
    """The pattern, ignoring case, ^ and $ at line ends. `where` names it in the errors.

    Raises `CodebookError` if it is not a regular expression, matches the empty text, or could take too long.

    >>> compiled(r"\\bstars?\\b", "theme 'rating'").findall("Five stars. One star!")
    ['stars', 'star']
    """
    try:
        tree = _parse(pattern, re.IGNORECASE | re.MULTILINE)
        regex = re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise CodebookError(f"{where}: pattern {pattern!r} is no regular expression ({error}); correct it") from error
    if tree.getwidth()[0] == 0:
        raise CodebookError(f"{where}: pattern {pattern!r} matches the empty text; make it need at least one character")
    if _ways(tree) > MOST_WAYS:
        raise CodebookError(
            f"{where}: pattern {pattern!r} could take very long on some text (a repeat or choice within a repeat, or "
            "more than two unlimited repeats); write it with fewer repeats, or make the inner ones possessive as in "
            "(?:ab|cd)++"
        )
    return regex


def count(patterns: tuple[re.Pattern[str], ...], text: str) -> int:
    """Matches of all patterns in the text, those of one pattern not overlapping."""
    return sum(1 for a in range(0, len(text), PIECE) for regex in patterns for _ in regex.finditer(text[a : a + PIECE]))


def _ways(tree: Any) -> int:
    """An upper bound on the ways the parsed pattern can match from one place, capped above `MOST_WAYS`."""
    ways = 1
    for name, value in tree:
        ways = min(ways * _ways_of(str(name), value), MOST_WAYS + 1)
    return ways


def _ways_of(name: str, value: Any) -> int:
    if name == "BRANCH":
        return sum(_ways(branch) for branch in value[1])
    if name == "SUBPATTERN":
        return _ways(value[3])
    if name in ("ASSERT", "ASSERT_NOT"):
        return _ways(value[1])
    if name == "ATOMIC_GROUP":
        return _ways(value)
    if name == "GROUPREF_EXISTS":
        return _ways(value[1]) + (_ways(value[2]) if value[2] else 1)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high = int(value[0]), min(int(value[1]), PIECE)
        inner = _ways(value[2])
        if name == "POSSESSIVE_REPEAT":  # never given back, so its turns add up instead of multiplying
            return min(inner * max(high, 1), MOST_WAYS + 1)
        total, turn = 0, min(inner ** min(low, 20), MOST_WAYS + 1)
        for _ in range(low, max(low, high) + 1):
            total, turn = total + turn, turn * inner
            if total > MOST_WAYS:
                return MOST_WAYS + 1
        return total
    return 1
