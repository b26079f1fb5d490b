"""Routes of the Live screen: conversations begun, steered and branched; their events go out by the hub."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, replace
from typing import Any

from fastapi import APIRouter

from forepath.apps.dashboard.conversation import Conversation, Plan
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.events import Hub
from forepath.apps.dashboard.journal import Journal, read_all
from forepath.apps.dashboard.library import Library
from forepath.apps.dashboard.shapes import (
    Begin,
    Bin,
    BranchAt,
    Happened,
    LedgerShape,
    RivalShape,
    SessionRow,
    SessionShape,
)
from forepath.apps.monitoring import open_ledger, open_monitor, source_of
from forepath.apps.runs import OpenRun
from forepath.errors import InputError, RunError
from forepath.monitors.ledger import Ledger, Settled
from forepath.monitors.monitor import Monitor
from forepath.monitors.rules import bind, parse_rule
from forepath.records import Policy

MOST_RUNNING = 8
"""Conversations written at the same time."""
MOST_LISTED = 100
LAST_TOKEN = 10.0
"""Seconds that conversations have to end their tokens when the server ends."""
TOPIC = "sessions"


class Live:
    """All conversations, and the monitors they share."""

    def __init__(self, library: Library, engine: Engine, hub: Hub) -> None:
        """Reads what was written before the server was started."""
        self._library, self._engine, self._hub = library, engine, hub
        self._all: dict[str, Conversation] = {}
        self._monitors: dict[tuple[OpenRun, bool], Monitor] = {}
        self._ledgers: dict[tuple[OpenRun, bool], Ledger] = {}
        self._opening, self._reading = threading.Lock(), threading.Lock()
        engine.also.append(lambda run, _: self._shared(run))
        for entry in library.entries():
            for id, lines in read_all(entry.path):
                known = _plan(lines[0], entry.id)
                if known is not None:
                    self._all[id] = self._make(id, known, Journal(entry.path, id), lines[1:])

    def ledger(self, id: str) -> LedgerShape:
        """How good the forecasts of the run's conversations have been. Raises `RunError`, `RunIncompleteError`."""
        run = self._library.open(id)
        told = self._ledger(run).summary()
        bins = [Bin(forecast=r["forecast"], observed=r["came"], error=r["error"], prompts=r["forecasts"])
                for r in told.pop("reliability")]  # fmt: skip
        rivals = [RivalShape(**r) for r in told.pop("rivals")]
        return LedgerShape(source=source_of(run), rivals=rivals, bins=bins, **told)

    def rows(self, run: str) -> list[SessionRow]:
        """The conversations of a run, newest first."""
        mine = [c for c in list(self._all.values()) if c.plan.run == run]
        return [_row(c) for c in sorted(mine, key=lambda c: c.plan.began, reverse=True)[:MOST_LISTED]]

    def of(self, id: str) -> Conversation:
        """Raises `RunError` if there is none of that id."""
        if id not in self._all:
            raise RunError(f"no conversation {id!r:.60}; it may be of a run that is gone")
        return self._all[id]

    def begin(self, plan: Plan) -> Conversation:
        """Write and watch. Raises `InputError` if too many are being written or a rule cannot be read."""
        if sum(c.state in ("running", "paused") for c in list(self._all.values())) >= MOST_RUNNING:
            raise InputError(f"{MOST_RUNNING} conversations are being written; stop one of them first")
        run = self._library.open(plan.run)
        for rule in plan.rules:
            bind(parse_rule(rule), run.themes, run.settings.horizon)
        id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        journal = Journal(run.path, id)
        journal.write(asdict(plan))
        self._all[id] = conversation = self._make(id, plan, journal, [])
        self.start(conversation)
        return conversation

    def start(self, conversation: Conversation) -> None:
        """Begin, or go on with one that a restart interrupted."""
        run = self._library.open(conversation.plan.run)
        conversation.start(run, self._engine, lambda: self._monitor(run, conversation.plan))
        self._hub.publish(TOPIC, "session", _row(conversation).model_dump(mode="json"))

    def close(self) -> None:
        """The server ends: no thread is left that computes, for one that is cut off then takes the process down."""
        known, until = list(self._all.values()), time.monotonic() + LAST_TOKEN
        for conversation in known:
            conversation.leave()
        for conversation in known:
            conversation.join(max(0.0, until - time.monotonic()))

    def _make(self, id: str, plan: Plan, journal: Journal, events: list[dict[str, Any]]) -> Conversation:
        def told(event: Mapping[str, Any]) -> None:
            self._hub.publish(f"session:{id}", event["kind"], event)
            if event["kind"] == "settled":
                self._hub.publish(f"ledger:{plan.run}", "ledger", self.ledger(plan.run).model_dump(mode="json"))
            if event["kind"] == "state":
                self._hub.publish(TOPIC, "session", _row(self._all[id]).model_dump(mode="json"))

        found = Conversation(id, plan, journal, told, events)
        states = [e["data"] for e in events if e["kind"] == "state"]
        if states:
            found.source, found.why = states[-1].get("source", ""), states[-1]["why"]
            known = states[-1]["state"]
            found.state = "interrupted" if known in ("running", "paused") else known
        return found

    def _monitor(self, run: OpenRun, plan: Plan) -> Monitor:
        """The run's monitor with the rules and the rate of one conversation; what it is made of is read once."""
        own = copy(self._shared(run))
        own.rules = tuple(parse_rule(rule) for rule in plan.rules)
        if own.off_path is not None and own.off_path.rate != plan.rate:
            own.off_path = open_monitor(run, rate=plan.rate).off_path
        return own

    def _shared(self, run: OpenRun) -> Monitor:
        key = (run, run.store.has("monitoring"))
        with self._opening:
            if key not in self._monitors:
                self._engine.subject(run)
                self._monitors[key] = open_monitor(run)
                self._monitors[key].ledger = self._ledger(run)
            return self._monitors[key]

    def _ledger(self, run: OpenRun) -> Ledger:
        """What the run's forecaster has been held against, also before the server was started."""
        key = (run, run.store.has("monitoring"))
        with self._reading:
            if key not in self._ledgers:
                self._ledgers[key] = ledger = open_ledger(run)
                ids = {entry.id for entry in self._library.entries() if entry.path == run.path}
                mine = [c for c in list(self._all.values()) if c.plan.run in ids and c.source == source_of(run)]
                for one in sorted(mine, key=lambda c: c.plan.began):
                    told = [e["data"] for e in list(one.events) if e["kind"] == "settled"]
                    for number, data in enumerate(told):
                        ledger.open(one.id).settle(number, Settled(**data))
            return self._ledgers[key]


def _plan(line: Mapping[str, Any], run: str) -> Plan | None:
    """The first line of a conversation; None where a damaged file begins with another."""
    try:
        policy = Policy(**{**line["policy"], "stop": tuple(line["policy"]["stop"])})
        return Plan(**{**line, "run": run, "policy": policy, "rules": tuple(line["rules"])})
    except (KeyError, TypeError):
        return None


def routes(live: Live, library: Library) -> APIRouter:
    """Conversations."""
    api = APIRouter(prefix="/api/sessions", tags=["live"])

    @api.get("")
    def list_sessions(run: str) -> list[SessionRow]:
        return live.rows(library.entry(run).id)

    @api.post("", status_code=201)
    def begin(given: Begin) -> SessionRow:
        settings = library.open(given.run).settings
        policy = replace(settings.policy, max_tokens=given.tokens or settings.policy.max_tokens)
        if given.temperature is not None:
            policy = replace(policy, temperature=given.temperature)
        plan = Plan(given.run, given.prompt, given.seed, policy, given.pace, given.rate, tuple(given.rules), None,
                    time.time())  # fmt: skip
        return _row(live.begin(plan))

    @api.get("/ledger")
    def read_ledger(run: str) -> LedgerShape:
        return live.ledger(library.entry(run).id)

    @api.get("/{id}")
    def read_session(id: str) -> SessionShape:
        found = live.of(id)
        events = [Happened(**event) for event in list(found.events)]
        return SessionShape(**_row(found).model_dump(), events=events)

    @api.post("/{id}/pause")
    def pause(id: str) -> SessionRow:
        live.of(id).pause()
        return _row(live.of(id))

    @api.post("/{id}/resume")
    def resume(id: str) -> SessionRow:
        found = live.of(id)
        if found.state == "interrupted":
            live.start(found)
        else:
            found.go_on()
        return _row(found)

    @api.post("/{id}/stop")
    def stop(id: str) -> SessionRow:
        live.of(id).stop()
        return _row(live.of(id))

    @api.post("/{id}/branch", status_code=201)
    def branch(id: str, where: BranchAt) -> SessionRow:
        found = live.of(id)
        text = found.text if where.at is None else found.text[: where.at]
        seed = found.plan.seed + 1 if where.seed is None else where.seed
        plan = replace(found.plan, prompt=found.plan.prompt + text, seed=seed % 2**32, parent=id, began=time.time())
        return _row(live.begin(plan))

    return api


def _row(conversation: Conversation) -> SessionRow:
    plan = conversation.plan
    return SessionRow(
        id=conversation.id,
        run=plan.run,
        prompt=plan.prompt,
        seed=plan.seed,
        state=conversation.state,
        why=conversation.why,
        began=plan.began,
        parent=plan.parent,
        source=conversation.source,
        rules=list(plan.rules),
    )
