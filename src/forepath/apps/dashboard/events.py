"""What happens, told to every tab: one server-sent stream per tab, many topics on it, replay after a break.

Events lie in one ring, numbered; a tab reads the ring at its own pace, so one that stalls holds nobody and costs
nothing. Ids name this start of the server: after a restart, or a break longer than the ring, the tab is told to ask for
its state again instead of missing something silently. Knows nothing of what the events mean.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

KEEP = 20_000
"""Events remembered."""
HEARTBEAT = 15.0
"""Seconds between signs of life, so that proxies and tabs know a quiet stream from a dead one."""
BATCH = 500
"""Most events in one write."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    number: int
    topic: str
    kind: str
    data: Any
    """Strict JSON."""


class Hub:
    """Where events are published, from any thread, and followed, from the event loop."""

    def __init__(self, keep: int = KEEP) -> None:
        """Remembers the last `keep` events."""
        self.start = secrets.token_hex(4)
        """Names this start of the server in every id."""
        self.closed = False
        self._ring: deque[Event] = deque(maxlen=keep)
        self._number = 0
        self._lock = threading.Lock()
        self._ears: dict[asyncio.Event, tuple[asyncio.AbstractEventLoop, frozenset[str]]] = {}

    def publish(self, topic: str, kind: str, data: Any) -> None:
        """Tell everybody who follows `topic`."""
        with self._lock:
            self._number += 1
            self._ring.append(Event(self._number, topic, kind, data))
            ears = [(ear, loop) for ear, (loop, topics) in self._ears.items() if topic in topics]
        self._wake(ears)

    def heard(self, topic: str) -> bool:
        """Whether anybody follows `topic`."""
        with self._lock:
            return any(topic in topics for _, topics in self._ears.values())

    def close(self) -> None:
        """End every stream."""
        self.closed = True
        with self._lock:
            ears = [(ear, loop) for ear, (loop, _) in self._ears.items()]
        self._wake(ears)

    async def follow(self, topics: Collection[str], last: str = "") -> AsyncIterator[str]:
        """The stream of one tab as text, for ever. `last`: the id of the last event it saw, to go on after it.

        Begins with `hello`; with `reset` instead if what came after `last` is no longer known.
        """
        wanted, ear = frozenset(topics), asyncio.Event()
        with self._lock:
            self._ears[ear] = (asyncio.get_running_loop(), wanted)
            at, lost = self._place(last)
        try:
            yield self._text(at, "", "reset" if lost else "hello", {"start": self.start})
            while not self.closed:
                ear.clear()
                batch, at, lost = self._after(at, wanted)
                if lost:
                    yield self._text(at, "", "reset", {"start": self.start})
                if batch:
                    yield "".join(self._text(e.number, e.topic, e.kind, e.data) for e in batch)
                elif at == self._number:
                    try:
                        await asyncio.wait_for(ear.wait(), HEARTBEAT)
                    except TimeoutError:
                        yield ": still here\n\n"
        finally:
            with self._lock:
                self._ears.pop(ear, None)

    def _place(self, last: str) -> tuple[int, bool]:
        """(number after which to go on, whether something was missed)."""
        start, _, number = last.partition("-")
        if not last:
            return self._number, False
        if start != self.start or not number.isdecimal():
            return self._number, True
        oldest = self._ring[0].number if self._ring else self._number + 1
        return (self._number, True) if int(number) + 1 < oldest else (int(number), False)

    def _after(self, at: int, wanted: frozenset[str]) -> tuple[list[Event], int, bool]:
        with self._lock:
            oldest = self._ring[0].number if self._ring else at + 1
            if at + 1 < oldest:
                return [], self._number, True
            fresh = [self._ring[i] for i in range(at + 1 - oldest, min(len(self._ring), at + 1 - oldest + BATCH))]
        return [e for e in fresh if e.topic in wanted], fresh[-1].number if fresh else at, False

    def _text(self, number: int, topic: str, kind: str, data: Any) -> str:
        body = json.dumps({"topic": topic, "kind": kind, "data": data}, ensure_ascii=True, allow_nan=False)
        return f"id: {self.start}-{number}\ndata: {body}\n\n"

    @staticmethod
    def _wake(ears: list[tuple[asyncio.Event, asyncio.AbstractEventLoop]]) -> None:
        for ear, loop in ears:
            try:
                loop.call_soon_threadsafe(ear.set)
            except RuntimeError:  # its loop has been closed
                continue
