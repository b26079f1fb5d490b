"""Routes of the Judge screen: the table of scores, the sites that were tried, reliability, costs. Test prompts only."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from forepath.apps.dashboard import shelf
from forepath.apps.dashboard.library import Library
from forepath.apps.dashboard.shapes import Bin, CostShape, Judgement, ReliabilityShape, ScoreRow, SiteLoss
from forepath.apps.runs import OpenRun
from forepath.errors import InputError
from forepath.stats.calibration import reliability


def routes(library: Library) -> APIRouter:
    """Scores and reliability of one run."""
    api = APIRouter(prefix="/api/runs/{run}", tags=["judge"])

    @api.get("/scores")
    def read_scores(run: str) -> Judgement:
        return judgement(library.open(run))

    @api.get("/reliability")
    def read_reliability(
        run: str, step: Annotated[int, Query(ge=1)] = 1, theme: Annotated[int | None, Query(ge=0)] = None
    ) -> ReliabilityShape:
        opened = library.open(run)
        odds, shares, seen = _test(opened)
        if step > odds.shape[1] or (theme is not None and theme >= odds.shape[2]):
            raise InputError(f"step {step}, theme {theme}: the run has {odds.shape[1]} steps, {odds.shape[2]} themes")
        judged = seen[:, step - 1] >= 2
        given, had = odds[judged, step - 1], shares[judged, step - 1]
        column = given.argmax(axis=1) if theme is None else np.full(len(given), theme)
        row = np.arange(len(given))
        curve = reliability(given[row, column], had[row, column])
        points = zip(curve.forecast, curve.observed, curve.error, curve.prompts, strict=True)
        bins = [Bin(forecast=f, observed=o, error=None if math.isnan(e) else e, prompts=n) for f, o, e, n in points]
        return ReliabilityShape(step=step, theme=theme, bins=bins, prompts=int(judged.sum()))

    return api


def judgement(run: OpenRun) -> Judgement:
    """Everything that was measured. Raises `RunIncompleteError` before the run is scored."""
    data = run.store.read_document("scores")
    sweep = run.store.read_document("sweep") if run.store.has("sweep") else {}
    costs: dict[str, Any] = run.store.read_document("costs") if run.store.has("costs") else {}
    rows = [ScoreRow(**{k: row.get(k) for k in ScoreRow.model_fields}) for row in data["rows"]]
    base = {r.step: r.cross_entropy for r in rows if r.forecaster == "base_rate"}
    by_step = sweep.get("by_step", {})
    tried = sweep.get("validation_cross_entropy", {})
    return Judgement(
        rows=rows,
        notes=list(data["notes"]),
        chosen=sweep.get("site"),
        sites=[SiteLoss(site=s, loss=loss, steps=by_step.get(s, [])) for s, loss in tried.items()],
        base=[b if isinstance(b := base[step], float) else None for step in sorted(base)],
        costs=CostShape(**{k: costs[k] for k in CostShape.model_fields}) if costs else None,
    )


@lru_cache(maxsize=4)
def _test(run: OpenRun) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((prompts, steps, themes) odds and shares, (prompts, steps) samples seen) of the test prompts."""
    folds = shelf.folds(run)
    origin = run.forecaster.origin
    assert origin is not None  # loaded forecasters have one
    read = run.store.arrays("activations", origin.site)[folds.where("test")]
    shares, seen = folds.of("test").frequencies()
    return run.forecaster.odds(read), shares, seen
