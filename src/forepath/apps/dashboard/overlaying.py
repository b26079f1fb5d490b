"""The overlay of a run, kept in it as the document `overlay`: the run's own parts stay as they are."""

from __future__ import annotations

from dataclasses import replace

from forepath.apps.dashboard.shapes import OverlayShape, Rescore
from forepath.apps.labelling import observed_chain, read_folds, read_labelled
from forepath.apps.runs import OpenRun
from forepath.errors import InputError
from forepath.records import Chain, Forecast, Score, futures_of
from forepath.stats.judge import Judge
from forepath.themes.overlays import Overlay

DOCUMENT = "overlay"
MOST_EDITS = 5000
"""Segments relabelled by hand: more is a labeller's work."""


def read_overlay(run: OpenRun) -> Overlay:
    """The run's overlay; an empty one if it has none."""
    return Overlay.from_json(run.store.read_document(DOCUMENT)) if run.store.has(DOCUMENT) else Overlay()


def write_overlay(run: OpenRun, given: OverlayShape) -> Overlay:
    """Keep an overlay in place of the one with the revision before.

    Raises `InputError` if somebody else has changed it since, `CodebookError` if it does not fit, `RunError` if the run
    is being written.
    """
    with run.store.lock():
        there = read_overlay(run).revision
        if given.revision != there:
            raise InputError(
                f"the overlay was changed meanwhile (revision {there}, you changed {given.revision}): look at it again"
            )
        if len(given.relabelled) > MOST_EDITS:
            raise InputError(f"{len(given.relabelled)} segments relabelled; at most {MOST_EDITS} by hand")
        overlay = replace(Overlay.from_json(given.model_dump()), revision=there + 1)
        overlay.check(run.themes)
        run.store.write_document(DOCUMENT, overlay.to_json())
    return overlay


def rescore(run: OpenRun, overlay: Overlay) -> Rescore:
    """The forecast of the next theme on the test prompts, judged with the run's labels and with the overlay's.

    The forecaster stays the one that was fitted; its odds are added up where themes are merged, which is exact for the
    next theme. Raises `RunIncompleteError` without a forecaster.
    """
    settings, folds = run.settings, read_folds(run.store, run.settings)
    origin = run.forecaster.origin
    assert origin is not None  # loaded forecasters have one
    odds = run.forecaster.predict(run.store.arrays("activations", origin.site)[folds.where("test")])
    first = Forecast(odds.themes, odds.steps[:, :1])
    chains: dict[str, list[Chain]] = {p.id: [] for p in folds.prompts}
    for trajectory in read_labelled(run.store):
        chains[trajectory.prompt_id].append(observed_chain(overlay.label(trajectory)))
    laid = replace(folds, futures=futures_of(list(chains.values()), folds.futures.themes, 1))
    own = replace(folds, futures=replace(folds.futures, steps=folds.futures.steps[:, :, :1]))
    found: list[Score] = []
    for labels, forecast in ((own, first), (laid, overlay.merge(first))):
        judge = Judge(labels.of("test"), labels.of("train", "validation"), seed=settings.seed)
        base = Forecast(judge.themes, judge.base[None].repeat(len(forecast.steps), axis=0))
        found += judge.score("forecast", forecast) + judge.score("base rate", base)
    before, base_before, after, base_after = found
    return Rescore(
        before=before.cross_entropy,
        before_low=before.low,
        before_high=before.high,
        after=after.cross_entropy,
        after_low=after.low,
        after_high=after.high,
        base_before=base_before.cross_entropy,
        base_after=base_after.cross_entropy,
        prompts=after.n_prompts,
    )
