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
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forepath.errors import ForepathError
from forepath.protocols import Subject
from forepath.records import Policy, Step

if TYPE_CHECKING:
    from forepath.subjects.joint import Joint, Request

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
        self, steps: Callable[[], Iterator[Step]], step: Callable[[Step], int], over: Callable[[Exception | None], None]
    ) -> None:
        """`step` returns how many things it put where the reader takes them: each is to be told back by `taken`."""
        self._make, self._step, self._over = steps, step, over
        self._joint: Joint | None = None
        """What it shares its steps with; None for a stream of its own."""
        self._ask: Callable[[], Request]
        self._request: Request | None = None
        self._steps: Iterator[Step] | None = None
        self._unread = 0
        self._since = time.monotonic()
        self._lock = threading.Lock()
        self.paused = self.stopped = False
        self._wake: Callable[[], None] = lambda: None

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

    def _waits(self) -> bool:
        """Whether it is not its turn: paused, or its reader is behind. Too long of it stops the stream."""
        behind = self._unread >= UNREAD
        if (self.paused or behind) and not self.stopped:
            self.stopped = time.monotonic() - self._since > (LONGEST_PAUSE if self.paused else PATIENCE)
        return (self.paused or behind) and not self.stopped

    def _advance(self, given: Step | Exception | None = None) -> bool:
        """One step, its own or the one `given`; whether the stream is over."""
        error: Exception | None = None
        try:
            if not self.stopped:
                if given is None and self._steps is None:
                    self._steps = self._make()
                step = next(self._steps) if given is None and self._steps is not None else given
                if isinstance(step, Exception):
                    raise step
                assert step is not None  # one or the other
                made = self._step(step)
                with self._lock:
                    self._unread += made
                if not all(step.ended):
                    return False
        except StopIteration:
            pass
        except Exception as caught:  # told to the one client; the other streams go on
            error = caught
        close = getattr(self._steps, "close", None)
        if close is not None:
            close()
        self._over(error)
        return True


class Engine:
    """The thread in which the subject writes."""

    def __init__(self, *, most_streams: int = 64, most_waiting: int = 128) -> None:
        """`most_streams` write at a time, `most_waiting` more wait in order of coming; beyond that, `BusyError`."""
        self._most_streams, self._most_waiting = most_streams, most_waiting
        self._running: list[Stream] = []
        self._waiting: deque[Stream] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._joints: dict[int, tuple[Any, Joint | None]] = {}
        """By model, which is kept lest its number be given to another: what its streams share."""
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
        seeds = list(seeds)

        def make() -> Iterator[Step]:
            return subject.stream([prompt] * len(seeds), seeds=seeds, policy=policy, capture=capture)

        stream = Stream(make, step, over)
        joint = stream._joint = self._joint_of(subject)
        if joint is not None:
            stream._ask = lambda: joint.add(subject, prompt, seeds, policy, capture)  # type: ignore[arg-type]
        stream._wake = self._notify
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

    def _joint_of(self, subject: Subject) -> Joint | None:
        make, model = getattr(subject, "joint", None), getattr(subject, "model", None)
        if make is None:
            return None
        if id(model) not in self._joints:
            self._joints[id(model)] = (model, make())
        return self._joints[id(model)][1]

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
                if all(stream._waits() for stream in running):
                    self._changed.wait(1.0)
                    continue
            ready = [stream for stream in running if not stream._waits()]
            shared = _share([s for s in ready if s._joint is not None and not s.stopped])
            own = [s for s in ready if s._joint is None or s.stopped]
            over = [s for s in (*shared, *own) if s._advance(shared.get(s))]
            for stream in over:
                if stream._joint is not None and stream._request is not None:
                    stream._joint.leave(stream._request)
            if over:
                with self._changed:
                    self._running = [s for s in self._running if s not in over]


def _share(streams: list[Stream]) -> dict[Stream, Step | Exception]:
    """One step of streams that share them; of a stream whose prompt is still to be read there may be none yet."""
    found: dict[Stream, Step | Exception] = {}
    groups: dict[Joint, list[Stream]] = {}
    for stream in streams:
        assert stream._joint is not None  # they share
        try:
            stream._request = stream._request or stream._ask()
            groups.setdefault(stream._joint, []).append(stream)
        except Exception as error:  # this request's own
            found[stream] = error
    for joint, members in groups.items():
        asked = {stream: stream._request for stream in members if stream._request is not None}
        try:
            steps = joint.step(list(asked.values()))
        except Exception as error:  # a step that failed is everybody's in it
            found |= dict.fromkeys(members, error)
            continue
        found |= {stream: steps[request] for stream, request in asked.items() if request in steps}
    return found


def problem_of(error: Exception) -> str:
    """What a client may be told: our own errors in full, others by their kind only."""
    return str(error) if isinstance(error, ForepathError) else f"the model failed ({type(error).__name__})"
