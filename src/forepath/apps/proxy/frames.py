"""What is sent: answers and frames of the OpenAI API, and comments its clients ignore. Knows JSON and bytes only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["stop", "length", "content_filter"]
DONE = b"data: [DONE]\n\n"
WAITING = b": waiting\n\n"
"""Sent while nothing is written, so that no one on the way gives up."""


@dataclass(frozen=True, slots=True)
class Head:
    """What every frame of one answer says."""

    id: str
    created: int
    """Seconds since 1970."""
    model: str
    chat: bool

    def chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        """One frame."""
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return _data({"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices,
                      **more})  # fmt: skip

    def opening(self, index: int) -> bytes:
        """The frame that begins a choice of a chat; nothing for a completion."""
        return self.chunk([_choice(index, {"role": "assistant", "content": ""}, None)]) if self.chat else b""

    def piece(self, index: int, text: str) -> bytes:
        """A frame with text."""
        if self.chat:
            return self.chunk([_choice(index, {"content": text}, None)])
        return self.chunk([{"index": index, "text": text, "logprobs": None, "finish_reason": None}])

    def closing(self, index: int, reason: Reason, **more: Any) -> bytes:
        """The last frame of a choice."""
        if self.chat:
            return self.chunk([_choice(index, {}, reason)], **more)
        return self.chunk([{"index": index, "text": "", "logprobs": None, "finish_reason": reason}], **more)

    def usage(self, usage: Mapping[str, int]) -> bytes:
        """The frame with the numbers of tokens."""
        return self.chunk([], usage=dict(usage))

    def whole(self, texts: list[str], reasons: list[Reason], usage: Mapping[str, int], **more: Any) -> dict[str, Any]:
        """The answer to a request that is not streamed."""
        choices: list[dict[str, Any]] = []
        for i, (text, reason) in enumerate(zip(texts, reasons, strict=True)):
            body = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
            choices.append({"index": i, **body, "logprobs": None, "finish_reason": reason})
        kind = "chat.completion" if self.chat else "text_completion"
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices,
                "usage": dict(usage), **more}  # fmt: skip


def comment(record: Mapping[str, Any]) -> bytes:
    """A server-sent comment with a record in it: `: forepath {…}`. JSON holds no line break, so it is one line."""
    return f": forepath {json.dumps(record, allow_nan=False)}\n\n".encode()


def error_body(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """An error in the API's own form."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_frame(message: str) -> bytes:
    """An error in the middle of a stream."""
    return _data(error_body(message, "server_error"))


def _data(content: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(content, allow_nan=False, separators=(',', ':'))}\n\n".encode()


def _choice(index: int, delta: Mapping[str, str], reason: Reason | None) -> dict[str, Any]:
    return {"index": index, "delta": dict(delta), "logprobs": None, "finish_reason": reason}


class Clip:
    """Cuts a text off at the first of some stop texts, as its pieces come; holds back what may yet become one.

    >>> clip = Clip(("END",))
    >>> [clip.add(p) for p in ("one E", "N of", " two END", "x")], clip.hit
    (['one ', 'EN of', ' two ', ''], True)
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self.hit = False

    def add(self, piece: str) -> str:
        """What may be sent now."""
        if self.hit or not self._stops:
            return "" if self.hit else piece
        text = self._held + piece
        places = [text.find(stop) for stop in self._stops if stop in text]
        if places:
            self.hit, self._held = True, ""
            return text[: min(places)]
        longest = max((n for stop in self._stops for n in range(1, len(stop)) if text.endswith(stop[:n])), default=0)
        self._held = text[len(text) - longest :]
        return text[: len(text) - longest]

    def finish(self) -> str:
        """What was held back for nothing."""
        left, self._held = self._held, ""
        return left
