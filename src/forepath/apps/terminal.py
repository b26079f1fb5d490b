"""Model text is hostile input: what is shown here cannot move the cursor, recolour the terminal or reorder a line."""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[PX^_][^\x1b]*(\x1b\\)?|[@-Z\\-_])")


def plain(text: str) -> str:
    """`text` without terminal escapes, control characters (newline and tab stay) and bidirectional overrides.

    >>> plain("safe\\x1b[31m red\\x07 \\u202etxet")
    'safe red txet'
    """
    text = _ESCAPES.sub("", text)
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
