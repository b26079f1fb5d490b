"""One text being written and watched: begun, paused, stopped, gone on with after a restart, branched off.

What is written is decided by subject, prompt, seed and policy, so a conversation that a restart interrupted is written
again from its beginning, unseen, and told from where it was: the same text, or an error that says it is another. Alarms
that were acted on are not acted on again. Knows no requests.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.journal import Journal
from forepath.apps.runs import OpenRun
from forepath.errors import ForepathError
from forepath.monitors.actions import Actions, log_into
from forepath.monitors.ledger import Settled
from forepath.monitors.listening import Heard
from forepath.monitors.monitor import Monitor
from forepath.monitors.readings import Alarm, Reading, alarm_json
from forepath.records import Policy

State = Literal["running", "paused", "over", "stopped", "interrupted", "failed"]
Told = Callable[[Mapping[str, Any]], None]
OF_THE_TEXT = ("piece", "heard", "settled", "reading", "alarm")
"""Kinds of events that are decided by the plan alone, so that a text written again has them again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a conversation was begun with: decides every token of it."""

    run: str
    prompt: str
    seed: int
    policy: Policy
    pace: float = 0.0
    rate: float = 0.05
    rules: tuple[str, ...] = ()
    parent: str | None = None
    began: float = 0.0


@dataclass
class Conversation:
    """One text; its thread lives while it is running or paused."""

    id: str
    plan: Plan
    journal: Journal
    told: Told
    """Called with every event, in order."""
    events: list[dict[str, Any]] = field(default_factory=list)
    state: State = "interrupted"
    why: str = ""
    source: str = ""
    _gate: threading.Condition = field(default_factory=threading.Condition)
    _again: Counter[str] = field(default_factory=Counter)
    """Events of the text still to be written again, after a restart, by kind."""
    _wish: Literal["go on", "pause", "stop"] = "go on"
    _thread: threading.Thread | None = None

    def start(self, run: OpenRun, engine: Engine, monitor: Callable[[], Monitor]) -> None:
        """Write, in a thread of its own; of an interrupted conversation, go on."""
        self._again = Counter(e["kind"] for e in self.events if e["kind"] in OF_THE_TEXT)
        self._wish = "go on"
        self._turn_to("running")
        self._thread = threading.Thread(target=self._run, args=(run, engine, monitor), daemon=True, name=self.id)
        self._thread.start()

    def pause(self) -> None:
        """Write no further until `go_on`."""
        self._want("pause")

    def go_on(self) -> None:
        """Write on."""
        self._want("go on")

    def stop(self) -> None:
        """Write no more."""
        self._want("stop")

    def leave(self) -> None:
        """Write no further and say nothing: the server ends. The next one finds the conversation interrupted."""
        with self._gate:
            self._wish = "stop"
            self._gate.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until its thread has ended, so long at most."""
        if self._thread is not None:
            self._thread.join(seconds)

    @property
    def text(self) -> str:
        """What is written so far."""
        return "".join(e["data"]["text"] for e in self.events if e["kind"] == "piece")

    def _want(self, wish: Literal["go on", "pause", "stop"]) -> None:
        with self._gate:
            if self.state in ("running", "paused"):
                self._wish = wish
                self._turn_to({"go on": "running", "pause": "paused", "stop": "stopped"}[wish])  # type: ignore[arg-type]
                self._gate.notify_all()
            elif wish == "stop" and self.state == "interrupted":
                self._turn_to("stopped")

    def _turn_to(self, state: State, why: str = "") -> None:
        self.state, self.why = state, why
        self._add("state", {"state": state, "why": why, "source": self.source})

    def _add(self, kind: str, data: Mapping[str, Any]) -> None:
        with self._gate:
            event = {"i": len(self.events), "kind": kind, "data": dict(data)}
            self.journal.write(event)
            self.events.append(event)
            self.told(event)

    def _say(self, kind: str, data: Mapping[str, Any]) -> bool:
        """Tell what belongs to the text, unless it was told before the restart. Whether it is new."""
        if self._again[kind]:
            self._again[kind] -= 1
            return False
        self._add(kind, data)
        return True

    def _run(self, run: OpenRun, engine: Engine, monitor: Callable[[], Monitor]) -> None:
        try:
            watching = monitor()
            self.source = watching.source
            self._add("state", {"state": self.state, "why": self.why, "source": self.source})
            self._write(run, engine, watching)
        except ForepathError as error:
            self._turn_to("failed", str(error))
        except Exception as error:  # a thread has nobody to tell
            self._turn_to("failed", f"{type(error).__name__}: {error}")

    def _write(self, run: OpenRun, engine: Engine, monitor: Monitor) -> None:
        from forepath.subjects.spelling import Spelling

        subject, plan = engine.subject(run), self.plan
        keep = log_into(run.store)

        def log(record: Mapping[str, Any]) -> None:
            self._add("log", record)  # what a reload shows
            keep(record)

        actions = Actions(log=log, notify=lambda record: None)
        capture = () if monitor.site is None else (monitor.site,)
        before = self.text
        with engine.turn(run):
            stream = subject.stream([plan.prompt], seeds=[plan.seed], policy=plan.policy, capture=capture)
        doubts = monitor.doubts_about(subject, plan.policy)
        follower = monitor.open(plan.prompt, doubts=doubts, name=self.id)
        spelling, ends = Spelling.of(subject, monitor.memory_of(subject)), subject.end_ids
        due, heard, settled, written = time.monotonic(), 0, 0, ""
        while True:
            if not self._may_go_on():
                stream.close()  # type: ignore[attr-defined]
                return
            with engine.turn(run):
                step = next(stream)
            token, ended = step.tokens[0], step.ended[0]
            read = None if monitor.site is None else step.activations[monitor.site][0]
            reading: Reading | None
            if token in ends:
                reading = follower.finish(read, ended=True)
            else:
                piece = spelling.add(token) if token is not None else ""
                written += piece
                if not before.startswith(written[: len(before)]):
                    self._turn_to("failed", "the model writes another text than before the restart: begin it anew")
                    return
                if piece:
                    self._say("piece", {"text": piece, "token": follower.tokens})
                stopped = ended and follower.tokens + 1 < plan.policy.max_tokens
                reading = follower.feed(piece, read)
                if ended:
                    reading = follower.finish(None, ended=stopped, before=reading)
            heard = self._tell_all("heard", follower.heard, heard)
            settled = self._tell_all("settled", follower.settled, settled)
            if reading is not None:
                self._tell(reading, actions)
            if ended:
                if self.state == "running":
                    self._turn_to("over")
                return
            if plan.pace and not self._again["piece"]:
                due = max(due + 1 / plan.pace, time.monotonic() - 0.05)
                with self._gate:  # a wish does not wait for the pace
                    self._gate.wait_for(lambda: self._wish != "go on", max(0.0, due - time.monotonic()))

    def _may_go_on(self) -> bool:
        with self._gate:
            while self._wish == "pause":
                self._gate.wait()
            return self._wish == "go on"

    def _tell_all(self, kind: str, found: Sequence[Heard] | Sequence[Settled], known: int) -> int:
        """Tell those after the first `known`; how many there are."""
        for one in found[known:]:
            self._say(kind, one._asdict())
        return len(found)

    def _tell(self, reading: Reading, actions: Actions) -> None:
        self._say("reading", replace(reading, alarms=()).to_json(full=True))
        for alarm in reading.alarms:
            if self._say("alarm", alarm_json(alarm)):
                self._act(alarm, actions)

    def _act(self, alarm: Alarm, actions: Actions) -> None:
        wish = actions.perform(alarm, self.id)
        if wish != "go on":
            self._want(wish)
