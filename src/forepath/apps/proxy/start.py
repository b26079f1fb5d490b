"""`forepath serve`: a run and what the user wants, put together and served until interrupted."""

from __future__ import annotations

import itertools
import json
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.apps.monitoring import Source, open_monitor
from forepath.apps.proxy.application import create_app
from forepath.apps.proxy.channel import Channel
from forepath.apps.proxy.engine import Engine
from forepath.apps.proxy.hidden import HiddenStates
from forepath.apps.proxy.local import Local
from forepath.apps.proxy.server import bound_socket, make_server, new_token
from forepath.apps.proxy.upstream import check_upstream, create_upstream_app
from forepath.apps.proxy.watching import Watcher
from forepath.apps.runs import open_run
from forepath.apps.terminal import plain
from forepath.errors import InputError
from forepath.monitors.actions import Actions, log_into
from forepath.monitors.monitor import Monitor
from forepath.monitors.rules import Rule, parse_rule
from forepath.monitors.webhook import Webhook

if TYPE_CHECKING:
    from fastapi import FastAPI

    from forepath.apps.runs import OpenRun


@dataclass(frozen=True, slots=True)
class Serving:
    """What `forepath serve` was asked for."""

    run: Path
    port: int = 8420
    host: str = "127.0.0.1"
    upstream: str | None = None
    rules: tuple[str, ...] = ()
    """In the grammar of `forepath.monitors.rules`."""
    rules_file: Path | None = None
    """JSON: a list of rules, as texts or objects."""
    rate: float = 0.05
    source: Source | None = None
    every: int | None = None
    monitored: bool = True
    webhook: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    """Hosts besides this machine that the webhook may be at."""
    streams: int = 64
    trust_remote_code: bool = False
    hidden_states: Path | None = None
    """Where the server behind leaves activations of prompts (`proxy.hidden`)."""


def serve(asked: Serving) -> None:
    """Serve until interrupted; prints the token once. Raises `InputError`, and whatever opening the run raises."""
    if asked.upstream is not None:
        check_upstream(asked.upstream)
        if asked.source not in (None, "text only"):
            raise InputError(f"--upstream gives no activations, so --source {asked.source} cannot be; leave it out")
    elif asked.hidden_states is not None:
        raise InputError("--hidden-states is of the server behind; name that with --upstream, or leave it out")
    rules = read_rules(asked)
    webhook = None if asked.webhook is None else Webhook(asked.webhook, allow=asked.allowed_hosts)
    run = open_run(asked.run, trust_remote_code=asked.trust_remote_code)
    monitor = None if not asked.monitored else _monitor(run, asked, rules)
    session = f"{int(time.time())}-{secrets.token_hex(4)}"
    actions = Actions(log=log_into(run.store), notify=_told, webhook=webhook)
    if monitor is not None:
        actions.check(monitor)
    listening = bound_socket(asked.host, asked.port)
    channel, token = Channel(session), new_token()
    watcher = None if monitor is None else Watcher(monitor, actions, channel.publish)
    engine = Engine(most_streams=asked.streams) if asked.upstream is None else None
    app = _application(run, asked, channel, watcher, engine)
    port = listening.getsockname()[1]
    server = make_server(app, token=token, host=asked.host, port=port, bearer=asked.upstream is None)
    _greet(asked, port, token, monitor)
    try:
        server.run(sockets=[listening])
    finally:
        if engine is not None:
            engine.close()
        if watcher is not None:
            watcher.close()
        for failure in dict.fromkeys(actions.failures):
            print(f"forepath: {plain(failure)}", file=sys.stderr)


def read_rules(asked: Serving) -> list[Rule]:
    """The rules of the command line and of the file. Raises `InputError`."""
    rules = [parse_rule(text) for text in asked.rules]
    if asked.rules_file is None:
        return rules
    try:
        found = json.loads(asked.rules_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{asked.rules_file} holds no readable rules ({error}); wanted a JSON list") from error
    if not isinstance(found, list):
        raise InputError(f"{asked.rules_file} holds {type(found).__name__}; wanted a JSON list of rules")
    for one in found:
        if not isinstance(one, str | dict):
            raise InputError(f"{asked.rules_file}: {str(one)[:60]} is no rule; wanted a text or an object")
        rules.append(parse_rule(one) if isinstance(one, str) else Rule.from_json(one))
    return rules


def _monitor(run: OpenRun, asked: Serving, rules: Sequence[Rule]) -> Monitor:
    source: Source | None = "text only" if asked.upstream is not None else asked.source
    monitor = open_monitor(run, source=source, rules=rules, rate=asked.rate, every=asked.every)
    if asked.upstream is not None:
        monitor.source += f"; whether the server behind it writes as {run.settings.subject!r} did cannot be known"
    return monitor


def _application(
    run: OpenRun, asked: Serving, channel: Channel, watcher: Watcher | None, engine: Engine | None
) -> FastAPI:
    policy = run.settings.policy
    if asked.upstream is not None:
        numbers = itertools.count(1)
        return create_upstream_app(asked.upstream, channel, watcher, policy=policy,
                                   names=lambda: f"{channel.start}-{next(numbers)}",
                                   hidden=_hidden(run, asked))  # fmt: skip
    assert engine is not None  # there is one unless there is an upstream
    return create_app(Local(run.subject, engine, watcher, replace(policy, stop=())), channel)


def _hidden(run: OpenRun, asked: Serving) -> HiddenStates | None:
    return None if asked.hidden_states is None else HiddenStates.of(run, asked.hidden_states)


def _greet(asked: Serving, port: int, token: str, monitor: Monitor | None) -> None:
    host = f"[{asked.host}]" if ":" in asked.host else asked.host
    where = f"http://{host}:{port}"
    if asked.upstream is None:
        print(f"base URL: {where}/v1 (the API key is the token)", file=sys.stderr)
    else:
        print(f"base URL: {where}/t/TOKEN/v1 (the API key goes on to {asked.upstream})", file=sys.stderr)
    if asked.host not in ("127.0.0.1", "::1", "localhost"):
        print(f"forepath: {asked.host} can be reached from other machines, without encryption", file=sys.stderr)
    if monitor is None:
        print("not monitored", file=sys.stderr)
    else:
        print(f"forecasts from: {monitor.source}", file=sys.stderr)
        off = monitor.off_path
        if off is not None and off.bound == float("inf"):
            print(f"forepath: too few conversations were kept aside for a false-alarm rate of {off.rate:g}; "
                  "the alarm is off: ask for a higher --rate, or fit on more prompts", file=sys.stderr)  # fmt: skip
        elif off is not None and off.limit is None:
            print(f"forepath: the false-alarm rate {off.rate:g} of the off-path alarm holds for a true forecast only; "
                  f"`forepath monitor {asked.run}` calibrates it", file=sys.stderr)  # fmt: skip
    print(f"token: {token}", flush=True)


def _told(record: Mapping[str, Any]) -> None:
    """`notify`: a line on the terminal."""
    print(f"forepath: {plain(str(record['rule']))} in {record['conversation']} after {record['token']} tokens "
          f"({record['value']})", file=sys.stderr)  # fmt: skip
