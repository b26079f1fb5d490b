"""The models that answer: loaded once, warmed in the background, used by one caller at a time in order of asking.

A subject's capture hooks belong to one forward pass, so every use of it takes its turn; a stream takes a turn for each
token, so that a forecast waits for one step of it at most. Knows nothing of requests.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

from forepath.apps.results import ChainForecast
from forepath.apps.runs import OpenRun
from forepath.errors import ForepathError

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

State = Literal["cold", "warming", "ready", "failed"]
MOST_MODELS = 2
"""Models kept in memory; the one used longest ago goes."""
WARM_UP = "Once upon a time"
LAST_STEP = 10.0
"""Seconds to wait for what is being warmed when the server ends: a thread cut off in a library aborts the process."""


class Turns:
    """A lock that lets its callers in in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and have it while the block runs."""
        with self._lock:
            mine = threading.Event()
            if self._taken:
                self._waiting.append(mine)
            else:
                self._taken = True
                mine.set()
        mine.wait()
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._taken = False


class Engine:
    """Loaded subjects by what they are loaded from, with their turns and the state of each run."""

    def __init__(self) -> None:
        self._models: dict[tuple[object, ...], HuggingFaceSubject] = {}
        self._users: dict[tuple[object, ...], list[OpenRun]] = {}
        self._turns: dict[tuple[object, ...], Turns] = {}
        self._loading = threading.Lock()
        self._states: dict[str, tuple[State, str]] = {}
        self._warming: list[threading.Thread] = []
        self.also: list[Callable[[OpenRun, ChainForecast], object]] = []
        """What else is done once a model is warm, so that the first forecast finds everything read."""

    def state(self, run: OpenRun) -> tuple[State, str]:
        """(how ready the run's model is, what went wrong if it failed)."""
        return self._states.get(str(run.path), ("cold", ""))

    def subject(self, run: OpenRun) -> HuggingFaceSubject:
        """The run's subject, loaded. Raises `SubjectError`, `MismatchError`, `MissingExtraError`."""
        key = _key(run)
        with self._loading:
            if key in self._models:
                run.subject = self._models.pop(key)
            self._models[key] = subject = run.subject  # loads; last used last
            if run not in self._users.setdefault(key, []):
                self._users[key].append(run)
            while len(self._models) > MOST_MODELS:
                self._forget(next(iter(self._models)))
            return subject

    def _forget(self, key: tuple[object, ...]) -> None:
        del self._models[key]
        for run in self._users.pop(key, []):
            run.__dict__.pop("subject", None)
            self._states.pop(str(run.path), None)

    @contextmanager
    def turn(self, run: OpenRun) -> Iterator[None]:
        """Have the run's subject to oneself."""
        with self._turns.setdefault(_key(run), Turns()).turn():
            yield

    def forecast(self, run: OpenRun, prompt: str) -> ChainForecast:
        """As `OpenRun.forecast`, in turn."""
        self.subject(run)
        with self.turn(run):
            return run.forecast(prompt)

    def warm(self, run: OpenRun) -> threading.Thread:
        """Load the run's model and forecaster in the background; one call more does nothing."""
        thread = threading.Thread(target=self._warm, args=(run,), daemon=True, name="warm")
        if self.state(run)[0] in ("warming", "ready"):
            return thread
        self._states[str(run.path)] = ("warming", "")
        self._warming = [t for t in self._warming if t.is_alive()] + [thread]
        thread.start()
        return thread

    def close(self) -> None:
        """The server ends: nothing else is done once a model is warm, and what is being done is waited for a while."""
        self.also.clear()
        until = time.monotonic() + LAST_STEP
        for thread in self._warming:
            thread.join(max(0.0, until - time.monotonic()))

    def _warm(self, run: OpenRun) -> None:
        try:
            shaped = self.forecast(run, WARM_UP)
            for also in self.also:
                with suppress(ForepathError):  # whoever needs it will ask again, and be told
                    also(run, shaped)
            self._states[str(run.path)] = ("ready", "")
        except ForepathError as error:
            self._states[str(run.path)] = ("failed", str(error))
        except Exception as error:  # a thread has nobody to tell
            self._states[str(run.path)] = ("failed", f"{type(error).__name__}: {error}")


def _key(run: OpenRun) -> tuple[object, ...]:
    s = run.settings
    return run.store.config["subject"], s.subject, s.device, s.dtype, s.chat
