"""Routes of the Forecast screen: a prompt in, the odds of what follows out, beside base rates and what was written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query

from forepath.apps.assurance import FLAGGED
from forepath.apps.dashboard import shelf
from forepath.apps.dashboard.assuring import Assurances
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.library import Library
from forepath.apps.dashboard.overlaying import read_overlay
from forepath.apps.dashboard.shapes import (
    Ask,
    Branch,
    ChainShape,
    ForecastShape,
    PromptsPage,
    RunShape,
    Written,
)
from forepath.apps.results import ChainForecast
from forepath.apps.runs import OpenRun
from forepath.apps.trees import Node
from forepath.errors import InputError

MOST_CHAINS = 200
"""Chains sent to the page."""


def routes(library: Library, engine: Engine) -> APIRouter:
    """Frame, prompts, forecasts and examples of one run."""
    api = APIRouter(prefix="/api/runs/{run}", tags=["forecast"])
    assurances = Assurances()
    engine.also.append(lambda run, result: shaped("", run, result, assurances, least=0.02, milliseconds=0.0))

    @api.get("")
    def read_run(run: str) -> RunShape:
        return shelf.frame(library.open(run), library.entry(run), engine)

    @api.post("/warm")
    def warm(run: str) -> RunShape:
        engine.warm(library.open(run))
        return shelf.frame(library.open(run), library.entry(run), engine)

    @api.get("/prompts")
    def read_prompts(
        run: str,
        q: Annotated[str, Query(max_length=1000)] = "",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> PromptsPage:
        return shelf.find_prompts(library.open(run), q, offset, limit)

    @api.post("/forecast")
    def forecast(run: str, ask: Ask) -> ForecastShape:
        began = time.perf_counter()
        opened = library.open(run)
        if not ask.prompt:
            raise InputError("the prompt is empty; type one, or pick one of the run's")
        result = engine.forecast(opened, ask.prompt)
        if ask.overlay:  # what stands beside a forecast is of the run's own themes
            result = replace(result, forecast=read_overlay(opened).merge(result.forecast), activations=None)
        spent = 1e3 * (time.perf_counter() - began)
        return shaped(run, opened, result, assurances, least=ask.least, milliseconds=spent)

    return api


def shaped(
    run: str, opened: OpenRun, result: ChainForecast, assurances: Assurances, *, least: float, milliseconds: float
) -> ForecastShape:
    """A forecast as the page reads it."""
    themes = result.forecast.themes
    index = {theme: i for i, theme in enumerate(themes)}
    tree = result.tree(least=least, widest=8)
    written = shelf.written(opened, result.prompt)
    beside = _beside(opened, result, assurances)
    return ForecastShape(
        run=run,
        prompt=result.prompt,
        source=result.source,
        steps=result.forecast.steps[0].tolist(),
        base=shelf.base(opened).tolist(),
        tree=branches(tree.children, index),
        rest=tree.rest,
        chains=[ChainShape(themes=[index[t] for t in c], probability=p) for c, p in result.chains[:MOST_CHAINS]],
        written=written,
        notes=[*_notes(opened, written), *_warnings(beside.get("unlike"), assurances.why_not(opened))],
        milliseconds=milliseconds,
        **beside,
    )


def _beside(run: OpenRun, result: ChainForecast, assurances: Assurances) -> dict[str, Any]:
    """What stands beside the odds, as far as it is fitted."""
    if result.activations is None:
        return {}
    assurance, progress = assurances.of(run)
    if assurance is None:
        return {"assurance": progress}
    low, high = assurance.interval(result.activations, result.forecast.steps)
    return {
        "assurance": progress,
        "low": low[0].tolist(),
        "high": high[0].tolist(),
        "sets": [list(themes) for themes in assurance.holding(result.forecast)[0]],
        "coverage": assurance.sets[0].wanted,
        "unlike": float(assurance.novelty.unlike(result.activations)[0]),
    }


def _warnings(unlike: float | None, why_not: str) -> list[str]:
    """What speaks against the forecast."""
    found = [f"There are no intervals: {why_not}"] if why_not else []
    if unlike is not None and unlike >= FLAGGED:
        found.append(
            "This prompt is unlike those the forecaster was fitted on; its odds, intervals and sets may not hold."
        )
    return found


def branches(nodes: Sequence[Node], index: dict[str, int]) -> list[Branch]:
    """The nodes of a tree with their themes by index."""
    return [
        Branch(theme=index[n.theme], probability=n.probability, children=branches(n.children, index), rest=n.rest)
        for n in nodes
    ]


def _notes(run: OpenRun, written: Written | None) -> list[str]:
    notes = [f"Odds under {shelf.describe(run.settings.policy)}."]
    if written is not None and written.fold != "test":
        notes.append(
            f"This is a {written.fold} prompt: the forecaster was fitted or chosen on it, so agreement proves little."
        )
    return notes
