"""The monitor beside the streams: a thread of its own, so that whatever it does, the text goes on.

Text and activations are handed over by a bounded queue. If the monitor raises, its text is followed no longer; if it
hangs or falls behind, what does not fit is not handed over; both are told. Knows monitors, not HTTP.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from forepath.monitors.actions import Actions, Wish
from forepath.monitors.follower import Follower
from forepath.monitors.monitor import Monitor
from forepath.monitors.readings import Alarm, Reading, alarm_json

WAITING = 4096
"""Tokens handed over and not yet read, of all texts together."""

Told = Callable[[str, Mapping[str, Any]], None]
"""Called in the monitor's thread with ("reading" | "alarm" | "failed", a record)."""


@dataclass
class Watched:
    """One text being watched."""

    conversation: str
    prompt: str
    doubts: tuple[str, ...]
    told: Told
    wish: Callable[[Wish], None]
    """Called when an alarm wants the stream to pause or stop."""
    follower: Follower | None = None
    failed: str = ""
    """Why it is followed no longer."""
    records: list[dict[str, Any]] = field(default_factory=list)
    """Readings so far, at most `MOST_RECORDS`."""
    done: threading.Event = field(default_factory=threading.Event)
    """Set when the last reading is made, or never will be."""


MOST_RECORDS = 2000
_Item = tuple[Watched, Literal["feed", "finish"], str, np.ndarray | None, bool]


class Watcher:
    """The thread in which texts are watched."""

    def __init__(
        self, monitor: Monitor, actions: Actions, publish: Callable[[str, str, Mapping[str, Any]], None]
    ) -> None:
        """`publish(kind, conversation, record)`: the side channel."""
        self.monitor = monitor
        self._actions, self._publish = actions, publish
        self._queue: queue.Queue[_Item | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="monitor", daemon=True)
        self._thread.start()

    def feed(self, watched: Watched, piece: str, activation: np.ndarray | None) -> None:
        """Hand over a token; never waits, never raises."""
        self._put((watched, "feed", piece, activation, False))

    def finish(self, watched: Watched, activation: np.ndarray | None, *, ended: bool) -> None:
        """Hand over the end."""
        self._put((watched, "finish", "", activation, ended))

    def close(self) -> None:
        """Let the thread finish what was handed over, for a while."""
        try:
            self._queue.put(None, timeout=2)
        except queue.Full:
            return
        self._thread.join(5)

    def _put(self, item: _Item) -> None:
        watched = item[0]
        if watched.failed:
            return
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._fail(watched, "the monitor fell behind; this text is followed no longer")

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            watched = item[0]
            if watched.failed:
                continue
            try:
                self._read(*item)
            except Exception as error:  # whatever it is, it is the monitor's, and the text goes on
                self._fail(watched, f"the monitor failed ({type(error).__name__}: {error})")

    def _read(self, watched: Watched, kind: str, piece: str, activation: np.ndarray | None, ended: bool) -> None:
        if watched.follower is None:
            watched.follower = self.monitor.open(watched.prompt, doubts=watched.doubts)
        if kind == "feed":
            reading = watched.follower.feed(piece, activation)
        else:
            reading = watched.follower.finish(activation, ended=ended)
        if reading is not None:
            self._tell(watched, reading)
        if kind == "finish":
            watched.done.set()

    def _tell(self, watched: Watched, reading: Reading) -> None:
        for alarm in reading.alarms:
            self._act(watched, alarm)
        full = {"source": self.monitor.source, **reading.to_json(full=True)}
        if len(watched.records) < MOST_RECORDS:
            watched.records.append(full)
        self._publish("reading", watched.conversation, full)
        watched.told("reading", {"source": self.monitor.source, **reading.to_json(3)})

    def _act(self, watched: Watched, alarm: Alarm) -> None:
        wish = self._actions.perform(alarm, watched.conversation)
        record = {"source": self.monitor.source, **alarm_json(alarm), "wish": wish}
        self._publish("alarm", watched.conversation, record)
        if wish != "go on":
            watched.wish(wish)

    def _fail(self, watched: Watched, why: str) -> None:
        watched.failed = why
        watched.done.set()
        record = {"failed": why, "source": self.monitor.source}
        try:
            self._publish("failed", watched.conversation, record)
            watched.told("failed", record)
        except Exception:  # nothing more can be done for this text's monitor
            return
