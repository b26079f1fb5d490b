"""The side channel: every reading, alarm and action, numbered, for as many listeners as there are, with replay.

A listener that comes back says what it had last (`Last-Event-ID`) and gets what it missed, as far as it is still kept;
if not, it is told how much is lost. Memory is bounded. Knows records and numbers, not HTTP.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

KEPT = 20_000
"""Events kept for replay, at most …"""
MOST_BYTES = 16_000_000
"""… and at most so many bytes of them."""
BEAT = 15.0
"""Seconds of silence after which a comment is sent."""
LISTENERS = 64


class Channel:
    """Events in order. `publish` from any thread; `listen` in one event loop each."""

    def __init__(self, start: str, kept: int = KEPT) -> None:
        """`start`: names this start of the server; numbers of another start mean nothing here."""
        self.start = start
        self._events: deque[tuple[int, str, bytes]] = deque()
        self._kept, self._bytes = kept, 0
        self._next = 1
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @property
    def full(self) -> bool:
        """Whether no more listeners are taken."""
        return len(self._listeners) >= LISTENERS

    def publish(self, kind: str, conversation: str, record: Mapping[str, Any]) -> None:
        """Tell all listeners."""
        content = json.dumps({"conversation": conversation, **record}, allow_nan=False)
        with self._lock:
            number = self._next
            self._next += 1
            frame = f"id: {self.start}-{number}\nevent: {kind}\ndata: {content}\n\n".encode()
            self._events.append((number, conversation, frame))
            self._bytes += len(frame)
            while len(self._events) > self._kept or self._bytes > MOST_BYTES:
                self._bytes -= len(self._events.popleft()[2])
            listeners = list(self._listeners.items())
        for event, loop in listeners:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # the loop is closed: the server is going down
                self._listeners.pop(event, None)

    async def listen(self, last: str | None = None, conversation: str | None = None) -> AsyncIterator[bytes]:
        """Frames after the event `last` (all that are kept, if None or of another start), then as they come.

        `conversation`: only of this one, and of its choices ("id/0", "id/1", …).
        """
        news, seen = asyncio.Event(), self._number(last)
        self._listeners[news] = asyncio.get_running_loop()
        try:
            while True:
                news.clear()
                with self._lock:
                    found = self._since(seen)
                    newest = self._next - 1
                if last is not None and found and found[0][0] > seen + 1:
                    lost = json.dumps({"lost": found[0][0] - seen - 1})
                    yield f"event: lost\ndata: {lost}\n\n".encode()
                seen, last = max(seen, newest), "following"
                for _, of, frame in found:
                    if conversation is None or of == conversation or of.startswith(f"{conversation}/"):
                        yield frame
                try:
                    await asyncio.wait_for(news.wait(), BEAT)
                except TimeoutError:
                    yield b": beat\n\n"
        finally:
            self._listeners.pop(news, None)

    def _since(self, seen: int) -> list[tuple[int, str, bytes]]:
        """The events after number `seen`: from the end, so that the old ones are not looked at."""
        found = []
        for event in reversed(self._events):
            if event[0] <= seen:
                break
            found.append(event)
        return found[::-1]

    def _number(self, last: str | None) -> int:
        start, _, number = (last or "").rpartition("-")
        return int(number) if start == self.start and number.isdecimal() else 0
