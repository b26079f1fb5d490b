"""Hears the text in another server's answer as its bytes pass by: server-sent events or one JSON body. Knows bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LONGEST = 4_000_000
"""Bytes of one event or body that are read; a longer one passes by unheard."""
_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r")


@dataclass(frozen=True, slots=True)
class Said:
    """What a frame said of one choice."""

    index: int
    text: str
    reason: str | None
    """Why it is over; None if it goes on."""


class Hearing:
    """Takes in bytes of an event stream in any pieces.

    >>> hearing = Hearing()
    >>> list(hearing.feed(b'data: {"choices":[{"index":0,"text":"Hi'))
    []
    >>> list(hearing.feed(b'"}]}\\n\\n'))[0].text, hearing.at_boundary
    ('Hi', True)
    """

    def __init__(self) -> None:
        self._rest = b""
        self._deaf = False
        self.at_boundary = True
        """Whether a comment may be put here without tearing a frame."""
        self.head: dict[str, Any] = {}
        """What stands around the choices: id, model and so on, and the usage once it was told."""
        self.done = False
        """`[DONE]` has passed."""

    def feed(self, data: bytes) -> Iterator[Said]:
        """What was said by the events that these bytes complete. Never raises: what is not understood is not heard."""
        self._rest += data
        parts = _BOUNDARY.split(self._rest)
        self._rest = parts.pop()
        for part in parts:
            if not self._deaf:
                yield from self._event(part)
            self._deaf = False
        self.at_boundary = not self._rest
        if len(self._rest) > LONGEST:
            self._rest, self._deaf = self._rest[-4:], True

    def _event(self, event: bytes) -> Iterator[Said]:
        lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
        content = b"\n".join(lines)
        if content == b"[DONE]":
            self.done = True
        elif content:
            yield from said_in(content, self.head)


def said_in(content: bytes, head: dict[str, Any] | None = None) -> list[Said]:
    """What a frame or a whole answer says; [] for anything else. `head` takes what stands around the choices."""
    try:
        frame = json.loads(content)
        choices = frame["choices"]
        out = [_choice(place, choice) for place, choice in enumerate(choices)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    if head is not None:
        head.update({k: v for k, v in frame.items() if k in ("id", "object", "created", "model", "usage")})
    return out


def _choice(place: int, choice: dict[str, Any]) -> Said:
    inner = choice.get("delta") or choice.get("message") or {}
    text = choice.get("text") or inner.get("content") or ""
    reason = choice.get("finish_reason")
    index = choice.get("index", place)
    if not isinstance(text, str) or not isinstance(index, int) or not 0 <= index < 128:
        raise TypeError("not a choice")
    return Said(index, text, reason if isinstance(reason, str) else None)
