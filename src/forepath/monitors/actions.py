"""What is done when an alarm is raised: tell, call a webhook, pause, stop, ask; and a record of each.

Text written by a model never decides what is called: themes' names and numbers are sent, no text. Knows alarms; not how
a stream is paused or stopped, which is its owner's work: `perform` says whether it is wanted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from forepath.errors import InputError
from forepath.monitors.monitor import Monitor
from forepath.monitors.readings import Alarm, alarm_json
from forepath.monitors.webhook import Webhook
from forepath.store import Run

Wish = Literal["go on", "pause", "stop"]
Record = Mapping[str, Any]
"""time (seconds since 1970), conversation, action, outcome, and the fields of the alarm."""


def ignore(record: Record) -> None:
    """Keep no record."""


@dataclass
class Actions:
    """How alarms are acted upon. Every alarm, raised or over, is logged, whether or not anything else is done."""

    log: Callable[[Record], None] = ignore
    """Called with each record; see `log_into`."""
    notify: Callable[[Record], None] | None = None
    """Called for "notify"."""
    webhook: Webhook | None = None
    ask: Callable[[Record], bool] | None = None
    """Called for "ask": a person's answer, True to go on. None: "ask" pauses until the stream's owner is told."""
    clock: Callable[[], float] = time.time
    failures: list[str] = field(default_factory=list)
    """What went wrong in the user's own callbacks; never raised into the stream."""

    def check(self, monitor: Monitor) -> None:
        """Raise `InputError` where a rule wants what cannot be done here."""
        wanted = {a for rule in monitor.rules for a in rule.actions} | set(getattr(monitor.off_path, "actions", ()))
        for action, there in (("webhook", self.webhook), ("notify", self.notify)):
            if action in wanted and there is None:
                raise InputError(
                    f"a rule wants {action!r}, and none is configured; configure it or drop it from the rule"
                )

    def perform(self, alarm: Alarm, conversation: str) -> Wish:
        """Do what the alarm asks for, in order; what its stream should do next. Never raises."""
        wish: Wish = "go on"
        record = {"time": self.clock(), "conversation": conversation, "action": "log", **alarm_json(alarm)}
        self._write({**record, "outcome": "raised" if alarm.raised else "over"})
        for action in alarm.actions if alarm.raised else ():
            outcome, wanted = self._do(action, {**record, "action": action})
            self._write({**record, "action": action, "outcome": outcome})
            wish = _stronger(wish, wanted)
        return wish

    def _do(self, action: str, record: dict[str, Any]) -> tuple[str, Wish]:
        try:
            if action == "notify" and self.notify is not None:
                self.notify(record)
                return "told", "go on"
            if action == "webhook" and self.webhook is not None:
                self.webhook.send(record)
                return "queued", "go on"
            if action == "ask" and self.ask is not None:
                go_on = self.ask(record)
                return ("went on", "go on") if go_on else ("stopped", "stop")
        except Exception as error:  # the user's own code: its failure is told, and never breaks the stream
            self.failures.append(f"{action}: {type(error).__name__}: {error}")
            return f"failed: {type(error).__name__}", "pause" if action == "ask" else "go on"
        if action in ("pause", "ask"):
            return "paused", "pause"
        return ("stopped", "stop") if action == "stop" else ("not configured", "go on")

    def _write(self, record: Record) -> None:
        try:
            self.log(record)
        except Exception as error:  # a full disk must not end the text
            self.failures.append(f"log: {type(error).__name__}: {error}")


def log_into(run: Run) -> Callable[[Record], None]:
    """Add each record to RUN/log/alarms.jsonl; it is on the disk before anything else is done.

    What it returns raises `RunError`, `DiskFullError`.
    """
    return partial(run.log, "alarms")


def _stronger(one: Wish, other: Wish) -> Wish:
    order: tuple[Wish, ...] = ("go on", "pause", "stop")
    return max(one, other, key=order.index)
