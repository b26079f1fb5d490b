"""Regular expressions given by users, made safe to run on hostile text. Knows nothing of codebooks.

Python's matcher backtracks and cannot be interrupted, so a pattern is admitted only if it cannot be made to work long
at one place (see `backtracking`); text is read in pieces of bounded length.
"""

from __future__ import annotations

import importlib
import re

from forepath.errors import CodebookError
from forepath.themes.backtracking import LONGEST, work

PIECE = LONGEST
"""Longest text matched at once, in characters; longer text is matched piece by piece."""
MOST_WORK = 4 * PIECE * PIECE
"""Most steps at one place: two unlimited repeats that can share a text are within it, three are not."""

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
    if work(tree) > MOST_WORK:
        raise CodebookError(
            f"{where}: pattern {pattern!r} could take very long on some text (repeats that can divide the same "
            "characters among them); give each repeat other characters than what follows it, or make the inner ones "
            "possessive as in (?:ab|cd)++"
        )
    return regex


def count(patterns: tuple[re.Pattern[str], ...], text: str) -> int:
    """Matches of all patterns in the text, those of one pattern not overlapping."""
    return sum(1 for a in range(0, len(text), PIECE) for regex in patterns for _ in regex.finditer(text[a : a + PIECE]))
