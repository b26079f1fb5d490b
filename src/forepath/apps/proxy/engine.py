"""Many streams on one model, written in one thread. Knows subjects and turns, not requests.

Streams of a subject that can (`joint`: continuous batching) share every step, whenever they began; of any other
subject each is a `Subject.stream` of its own, a token of each in turn. Either way what one writes does not depend on
who else is served (up to near-ties of rounding where steps are shared), a client who leaves stops exactly its own, and
a stream whose reader is behind waits and holds up no one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from forepath.apps.proxy.turns import InTurn, Writer
from forepath.errors import ForepathError
from forepath.protocols import Subject
from forepath.records import Policy, Step

UNREAD = 64
"""Steps a reader may be behind before its stream waits."""
PATIENCE = 120.0
"""Seconds a stream whose reader takes nothing keeps its place."""
LONGEST_PAUSE = 1800.0
"""Seconds a paused stream keeps its place."""


class BusyError(Exception):
    """No place is left; the client is to come again. Becomes an answer of the server, never seen by users."""


class Stream:
    """One running stream. `step` is called in the engine's thread with each step, `over` once with what ended it."""

    def __init__(
        self, writer: Writer, ask: Callable[[], Any], step: Callable[[Step], int],
        over: Callable[[Exception | None], None], wake: Callable[[], None],
    ) -> None:  # fmt: skip
        """`ask` makes the `writer`'s request. `step` returns how many things it put where the reader takes them: each
        is to be told back by `taken`. `wake` is called when the stream may have become ready.
        """
        self.writer = writer
        self._ask, self._step, self._over, self._wake = ask, step, over, wake
        self._request: Any = None
        self._unread = 0
        self._since = time.monotonic()
        self._lock = threading.Lock()
        self.paused = self.stopped = False

    def taken(self, number: int = 1) -> None:
        """The reader took so many things."""
        with self._lock:
            self._unread -= number
            self._since = time.monotonic()
        self._wake()

    def pause(self) -> None:
        """Write no further until `resume`."""
        self.paused, self._since = True, time.monotonic()

    def resume(self) -> None:
        """Go on."""
        self.paused, self._since = False, time.monotonic()
        self._wake()

    def stop(self) -> None:
        """Write no further at all; from any thread, any number of times."""
        self.stopped = True
        self._wake()

    # --- engine's thread ---

    @property
    def waits(self) -> bool:
        """Whether it is not its turn: paused, or its reader is behind. Too long of it stops the stream."""
        behind = self._unread >= UNREAD
        if (self.paused or behind) and not self.stopped:
            self.stopped = time.monotonic() - self._since > (LONGEST_PAUSE if self.paused else PATIENCE)
        return (self.paused or behind) and not self.stopped

    def request(self) -> Any:
        """Its writer's request, made when it is first asked for. Raises what is wrong with it."""
        if self._request is None:
            self._request = self._ask()
        return self._request

    def advance(self, given: Step | Exception | None) -> bool:
        """Take in a step, if there was one; whether the stream is over."""
        if not self.stopped:
            if given is None:
                return False
            try:
                if isinstance(given, Exception):
                    raise given
                made = self._step(given)
                with self._lock:
                    self._unread += made
                if not all(given.ended):
                    return False
            except StopIteration:
                pass
            except Exception as error:  # told to the one client; the other streams go on
                self._end(error)
                return True
        self._end(None)
        return True

    def _end(self, error: Exception | None) -> None:
        try:
            if self._request is not None:
                self.writer.leave(self._request)
        except Exception as failed:  # the client is told all the same, and the other streams go on
            error = error or failed
        self._over(error)


class Engine:
    """The thread in which the subject writes."""

    def __init__(self, *, most_streams: int = 64, most_waiting: int = 128) -> None:
        """`most_streams` write at a time, `most_waiting` more wait in order of coming; beyond that, `BusyError`."""
        self._most_streams, self._most_waiting = most_streams, most_waiting
        self._running: list[Stream] = []
        self._waiting: deque[Stream] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._joints: dict[int, tuple[Any, Writer | None]] = {}
        """By model, which is kept lest its number be given to another: what writes all its streams."""
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    @property
    def load(self) -> tuple[int, int]:
        """(streams running, streams waiting)."""
        with self._changed:
            return len(self._running), len(self._waiting)

    def begin(
        self,
        subject: Subject,
        prompt: str,
        seeds: Sequence[int],
        policy: Policy,
        capture: Sequence[str],
        step: Callable[[Step], int],
        over: Callable[[Exception | None], None],
    ) -> Stream:
        """Start a stream of one prompt, a row per seed. Raises `BusyError`."""
        writer = self._writer_of(subject)
        ask = partial(writer.add, subject, prompt, list(seeds), policy, capture)
        stream = Stream(writer, ask, step, over, self._notify)
        with self._changed:
            if self._closed or len(self._waiting) >= self._most_waiting:
                raise BusyError
            self._waiting.append(stream)
            self._changed.notify()
        return stream

    def close(self) -> None:
        """Stop all streams and the thread."""
        with self._changed:
            self._closed = True
            for stream in (*self._running, *self._waiting):
                stream.stopped = True
            self._changed.notify()
        self._thread.join(30)

    def _writer_of(self, subject: Subject) -> Writer:
        make, model = getattr(subject, "joint", None), getattr(subject, "model", None)
        if make is None:
            return InTurn()
        if id(model) not in self._joints:
            self._joints[id(model)] = (model, make())
        return self._joints[id(model)][1] or InTurn()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._waiting and len(self._running) < self._most_streams:
                    self._running.append(self._waiting.popleft())
                if self._closed and not self._running:
                    return
                running = list(self._running)
                if all(stream.waits for stream in running):
                    self._changed.wait(1.0)
                    continue
            ready = [stream for stream in running if not stream.waits]
            over = [stream for stream, given in _steps(ready) if stream.advance(given)]
            if over:
                with self._changed:
                    self._running = [s for s in self._running if s not in over]


def _steps(streams: list[Stream]) -> Iterator[tuple[Stream, Step | Exception | None]]:
    """One step of each stream, those of one writer together; none where it is stopped or its prompt is to be read."""
    groups: dict[int, dict[Stream, Any]] = {}
    for stream in streams:
        try:
            if stream.stopped:
                yield stream, None
            else:
                groups.setdefault(id(stream.writer), {})[stream] = stream.request()
        except Exception as error:  # this request's own
            yield stream, error
    for asked in groups.values():
        steps: Mapping[Any, Step | Exception]
        try:
            steps = next(iter(asked)).writer.step(list(asked.values()))
        except Exception as error:  # a step that failed is everybody's in it
            steps = dict.fromkeys(asked.values(), error)
        for stream, request in asked.items():
            yield stream, steps.get(request)


def problem_of(error: Exception) -> str:
    """What a client may be told: our own errors in full, others by their kind only."""
    return str(error) if isinstance(error, ForepathError) else f"the model failed ({type(error).__name__})"
