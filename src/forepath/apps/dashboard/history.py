"""Routes of the Runs screen: which runs there are, how far each is, what came out. Reads commit records only."""

from __future__ import annotations

import math
import threading
import time

from fastapi import APIRouter

from forepath.apps.dashboard.events import Hub
from forepath.apps.dashboard.library import Entry, Library
from forepath.apps.dashboard.shapes import RunRow, Stage
from forepath.apps.runs import OpenRun
from forepath.errors import ForepathError
from forepath.store.lock import holder

SECONDS = 1.0
"""Between two looks at the runs while somebody is watching."""
TOPIC = "runs"


def routes(library: Library) -> APIRouter:
    """The list of runs."""
    api = APIRouter(prefix="/api", tags=["runs"])

    @api.get("/runs")
    def list_runs() -> list[RunRow]:
        return rows(library)

    return api


def rows(library: Library) -> list[RunRow]:
    """Every run, newest first; one that cannot be read says why."""
    found = []
    for entry in library.entries():
        try:
            found.append(row(entry, library.open(entry.id)))
        except (ForepathError, OSError) as error:
            found.append(RunRow(id=entry.id, name=entry.name, state="unreadable", problem=str(error)))
    return sorted(found, key=lambda r: (r.created, r.name), reverse=True)


def row(entry: Entry, run: OpenRun) -> RunRow:
    """How far a run is and, once it is scored, how good its forecast of the next theme is."""
    store, settings = run.store, run.settings
    writer = holder(run.path / ".lock")
    groups = len(store.done("activations") | store.done("trajectories"))
    known = store.done("prompts")
    total = math.ceil(store.table("prompts", ["prompt_id"]).num_rows / settings.prompts_per_item) if known else 0
    labelled = len(store.done(f"segments-{run.codebook.id}")) if store.has("codebook") else 0
    stages = [
        Stage(name="sample", done=groups, total=max(total, groups)),
        Stage(name="label", done=labelled, total=max(total, labelled)),
        Stage(name="fit", done=int(store.has("forecaster")), total=1),
        Stage(name="score", done=int(store.has("scores")), total=1),
    ]
    changed = store.config.get("intervention") is not None  # by `forepath intervene`: sampled and labelled is all
    finished = all(s.total and s.done >= s.total for s in (stages[:2] if changed else stages))
    ours = base = None
    if store.has("scores"):
        first = [r for r in run.scores().rows if r.step == 1]
        ours = next((r for r in first if r.forecaster.startswith("linear@")), None)
        base = next((r for r in first if r.forecaster == "base_rate"), None)
    return RunRow(
        id=entry.id,
        name=entry.name,
        state="running" if writer is not None else "finished" if finished else "stopped",
        writer=writer,
        created=store.created,
        subject=settings.subject,
        samples=settings.samples,
        stages=stages,
        command=None if finished else f"forepath resume {run.path}",
        cross_entropy=_finite(ours.cross_entropy if ours else None),
        low=_finite(ours.low if ours else None),
        high=_finite(ours.high if ours else None),
        base_cross_entropy=_finite(base.cross_entropy if base else None),
        explained=_finite(ours.explained if ours else None),
    )


def _finite(value: float | None) -> float | None:
    """NaN and what is not there are null; so is what is infinite, which no axis can show."""
    return value if value is not None and math.isfinite(value) else None


class Watcher:
    """Tells the hub when a run has moved on. Looks only while somebody listens."""

    def __init__(self, library: Library, hub: Hub) -> None:
        """Begins to watch at once, in a thread that dies with the process."""
        self._library, self._hub = library, hub
        self._last: dict[str, RunRow] = {}
        threading.Thread(target=self._watch, daemon=True, name="watch").start()

    def _watch(self) -> None:
        while not self._hub.closed:
            time.sleep(SECONDS)
            if self._hub.heard(TOPIC):
                self.look()

    def look(self) -> None:
        """Publish what is not as it was at the last look."""
        now = {r.id: r for r in rows(self._library)}
        for id, seen in now.items():
            if self._last.get(id) != seen:
                self._hub.publish(TOPIC, "run", seen.model_dump(mode="json"))
        for id in self._last.keys() - now.keys():
            self._hub.publish(TOPIC, "gone", {"id": id})
        self._last = now
