"""One request being answered: rows of tokens in, text and comments out, and the monitor beside it.

`step` and `over` run in the engine's thread, comments come from the monitor's; all meet in one queue of the event loop,
in order. Knows tokens, texts and frames; not HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from forepath.apps.proxy.frames import Clip, Head, Reason
from forepath.apps.proxy.telemetry import Asked
from forepath.apps.proxy.wanted import Wanted
from forepath.apps.proxy.watching import Watched, Watcher
from forepath.monitors.actions import Wish
from forepath.protocols import Subject
from forepath.records import Step
from forepath.subjects.spelling import Spelling

if TYPE_CHECKING:
    from forepath.apps.proxy.engine import Stream

LAST_WORD = 0.05
"""Seconds that the end of a stream waits for the monitor's last reading."""
RECORDS = 2.0
"""Seconds that an answer waits for readings that were asked for in it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to send."""

    kind: Literal["text", "closing", "comment", "over"]
    row: int = 0
    text: str = ""
    reason: Reason = "stop"
    record: Mapping[str, Any] = field(default_factory=dict)
    error: Exception | None = None


class Row:
    """One choice of the answer."""

    def __init__(
        self, subject: Subject, wanted: Wanted, watched: Watched | None, memory: dict[tuple[int, ...], str]
    ) -> None:
        self.spelling, self.clip = Spelling.of(subject, memory), Clip(wanted.policy.stop)
        self.watched = watched
        self.tokens = 0
        self.over = self.unwanted = False


class Answer:
    """What is being written for one request."""

    def __init__(
        self, head: Head, subject: Subject, wanted: Wanted, prompt: str, watcher: Watcher | None,
        doubts: tuple[str, ...], memory: dict[tuple[int, ...], str], asked: Asked,
    ) -> None:  # fmt: skip
        self.head, self.wanted, self.prompt = head, wanted, prompt
        self.asked = asked
        self.reasons: list[Reason] = []
        """Why each choice that is over is so."""
        self.queue: asyncio.Queue[Event] = asyncio.Queue()
        self.stream: Stream | None = None
        self._loop = asyncio.get_running_loop()
        self._watcher = watcher
        self._site = None if watcher is None else watcher.monitor.site
        self._ends: frozenset[int] = getattr(subject, "end_ids", frozenset())
        self.rows = [Row(subject, wanted, self._watch(i, doubts), memory) for i in range(wanted.choices)]

    def _watch(self, row: int, doubts: tuple[str, ...]) -> Watched | None:
        if self._watcher is None:
            return None
        name = self.head.id if self.wanted.choices == 1 else f"{self.head.id}/{row}"

        def told(kind: str, record: Mapping[str, Any]) -> None:
            if kind == "reading":
                self.asked.read(row, record)
            self._put(Event("comment", row, record={"id": self.head.id, "index": row, kind: record}))

        return Watched(name, self.prompt, doubts, told, lambda wish: self._wish(row, wish))

    def _wish(self, row: int, wish: Wish) -> None:
        """An alarm wants something. Monitor's thread."""
        if self.stream is None:
            return
        if wish == "pause":
            self.stream.pause()
            self._put(Event("comment", row, record={"id": self.head.id, "index": row, "paused": True}))
        elif wish == "stop":
            self.rows[row].unwanted = True

    def _put(self, event: Event) -> int:
        with contextlib.suppress(RuntimeError):  # the loop is closed: no one listens
            self._loop.call_soon_threadsafe(self.queue.put_nowait, event)
        return int(event.kind == "text")

    # --- engine's thread ---

    def step(self, step: Step) -> int:
        """Take in one step; how many texts were put in the queue."""
        put = 0
        values = None if self._site is None else step.activations[self._site]
        for i, token in enumerate(step.tokens):
            row = self.rows[i]
            if token is None or row.over:
                continue
            seen = None if values is None else values[i]
            if row.unwanted:
                put += self._close(i, "content_filter", None, ended=False)
                continue
            if token in self._ends:
                put += self._close(i, "stop", seen, ended=True)
                continue
            row.tokens += 1
            piece = row.spelling.add(token)
            if row.watched is not None and self._watcher is not None:
                self._watcher.feed(row.watched, piece, seen)
            if text := row.clip.add(piece):
                put += self._put(Event("text", i, text))
            if step.ended[i] or row.clip.hit:
                stopped = row.clip.hit or row.tokens < self.wanted.policy.max_tokens
                put += self._close(i, "stop" if stopped else "length", None, ended=stopped)
        if all(row.over for row in self.rows) and self.stream is not None:
            self.stream.stopped = True
        return put

    def _close(self, i: int, reason: Reason, activation: Any, *, ended: bool) -> int:
        row, put = self.rows[i], 0
        row.over = True
        self.reasons.append(reason)
        rest = "" if row.clip.hit else row.clip.add(row.spelling.finish()) + row.clip.finish()
        if rest and reason != "content_filter":
            put = self._put(Event("text", i, rest))
        if row.watched is not None and self._watcher is not None:
            self._watcher.finish(row.watched, activation, ended=ended)
        self._put(Event("closing", i, reason=reason))
        return put

    def over(self, error: Exception | None) -> None:
        """The stream is over, by itself or stopped."""
        for i, row in enumerate(self.rows):
            if not row.over and error is None:
                self._close(i, "content_filter" if row.unwanted else "stop", None, ended=False)
        self._put(Event("over", error=error))

    # --- event loop ---

    @property
    def written(self) -> int:
        """Tokens written so far, all choices together."""
        return sum(row.tokens for row in self.rows)

    async def last_words(self, seconds: float) -> bool:
        """Wait for the monitor to be done with all rows; whether it is."""
        waited = [row.watched.done for row in self.rows if row.watched is not None]
        until = self._loop.time() + seconds
        while not all(done.is_set() for done in waited):
            if self._loop.time() >= until:
                return False
            await asyncio.sleep(0.002)
        return True

    def told(self, prompt_tokens: int, error: str = "") -> None:
        """It is answered, or could not be: the end of its span."""
        self.asked.over(error=error, id=self.head.id, model=self.head.model, finish_reasons=list(self.reasons),
                        input_tokens=prompt_tokens, output_tokens=self.written)  # fmt: skip

    def records(self, *, complete: bool) -> dict[str, Any]:
        """What the monitor said, for the extension field."""
        watched = [row.watched for row in self.rows if row.watched is not None]
        source = self._watcher.monitor.source if self._watcher is not None else "not monitored"
        choices = [{"readings": list(w.records), **({"failed": w.failed} if w.failed else {})} for w in watched]
        return {"source": source, "complete": complete, "choices": choices}
