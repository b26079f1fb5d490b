"""A subject that writes what it is told, a monitor that knows it, and the server around them, for the proxy's tests."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from forepath.apps.proxy.application import create_app
from forepath.apps.proxy.channel import Channel
from forepath.apps.proxy.engine import Engine
from forepath.apps.proxy.local import Local
from forepath.apps.proxy.server import serving
from forepath.apps.proxy.watching import Watcher
from forepath.forecasters.linear import LinearForecaster
from forepath.monitors.actions import Actions
from forepath.monitors.monitor import Monitor, OffPath
from forepath.records import Futures, Policy
from forepath.themes.labelling import PatternLabeller

_SPEC = importlib.util.spec_from_file_location(
    "monitor_toys", Path(__file__).parents[1] / "monitors" / "monitor_toys.py"
)
toys = sys.modules.get("monitor_toys") or importlib.util.module_from_spec(_SPEC)
if "monitor_toys" not in sys.modules:
    sys.modules["monitor_toys"] = toys
    _SPEC.loader.exec_module(toys)

NAMES = (*toys.THEMES, "other", "end")
POLICY = Policy(max_tokens=2000)
TOKEN = "a-token-for-tests"


class Slow(toys.Writer):
    """Takes some time per token, and counts what was drawn."""

    pause, drawn, open = 0.0, 0, 0

    def stream(self, prompts, **options):
        self.open += 1
        try:
            for step in super().stream(prompts, **options):
                time.sleep(self.pause)
                self.drawn += 1
                yield step
        finally:
            self.open -= 1


def forecaster() -> LinearForecaster:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, size=600)
    x = 0.5 * rng.standard_normal((600, 6))
    x[np.arange(600), first] += 2.0
    index, after = np.array([0, 1, 2, 4]), np.where(first == 3, 4, (first + 1) % 3)
    return LinearForecaster().fit(x, Futures(NAMES, np.stack([index[first], after], 1)[:, None].astype(np.int16)))


FORECASTER = forecaster()


def make_monitor(**options) -> Monitor:
    given = {"themes": NAMES, "site": "site", "horizon": 2, "lengths": np.full(5, 30.0), "off_path": OffPath(0.01)}
    return Monitor(FORECASTER, PatternLabeller(toys.pattern_codebook()), **{**given, **options})


@contextmanager
def local_server(subject=None, monitor=None, *, actions=None, most_streams=64, most_waiting=128, spans=None):
    """(base URL, the parts) of a running server; without `monitor` nothing is watched."""
    subject = subject or Slow(toys.wander)
    engine, channel = Engine(most_streams=most_streams, most_waiting=most_waiting), Channel("start")
    watcher = None if monitor is None else Watcher(monitor, actions or Actions(), channel.publish)
    numbers = itertools.count()
    local = Local(subject, engine, watcher, POLICY)
    app = create_app(local, channel, clock=lambda: 1000.0, names=lambda: f"{next(numbers):06d}", spans=spans)
    try:
        with serving(app, token=TOKEN) as url:
            yield url, {"engine": engine, "watcher": watcher, "channel": channel, "subject": subject}
    finally:
        engine.close()
        if watcher is not None:
            watcher.close()


def wait_for(what, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(what())
