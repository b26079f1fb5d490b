"""What every screen asks of an open run: its frame, its prompts, its base rates. Read once, kept while it holds.

Arrangement only: numbers come from the run's records and from `stats`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from forepath.apps.colours import look_of
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.library import Entry
from forepath.apps.dashboard.palette import on_dark
from forepath.apps.dashboard.shapes import PromptShape, PromptsPage, RunShape, ThemeShape, Written
from forepath.apps.labelling import Folds, read_folds
from forepath.apps.runs import OpenRun
from forepath.records import Policy
from forepath.stats.rates import base_rates
from forepath.store import prompts_from


def frame(run: OpenRun, entry: Entry, engine: Engine) -> RunShape:
    """What the run is about."""
    state, error = engine.state(run)
    known = run.store.has("codebook")
    return RunShape(
        id=entry.id,
        name=entry.name,
        created=run.store.created,
        subject=run.settings.subject,
        fingerprint=run.store.config["subject"],
        themes=_themes(run) if known else [],
        codebook=run.codebook.id if known else None,
        horizon=run.settings.horizon,
        samples=run.settings.samples,
        prompts=len(prompts(run)),
        policy=describe(run.settings.policy),
        site=str(run.store.read_document("sweep")["site"]) if run.store.has("sweep") else None,
        model=state,
        model_error=error,
    )


def describe(policy: Policy) -> str:
    """How tokens are drawn, in words.

    >>> describe(Policy(64, top_p=0.9))
    'temperature 1, top-p 0.9, at most 64 tokens'
    """
    limits = f", top-k {policy.top_k}" if policy.top_k else ""
    return f"temperature {policy.temperature:g}, top-p {policy.top_p:g}{limits}, at most {policy.max_tokens} tokens"


def _themes(run: OpenRun) -> list[ThemeShape]:
    looks = [look_of(theme, run.themes) for theme in run.themes]
    own = [
        (t.description or "; ".join(t.patterns[:3]), None if math.isnan(t.share) else t.share)
        for t in run.codebook.themes
    ]
    said = [*own, ("no theme of the codebook fits", None), ("the subject ended its text", None)]
    return [
        ThemeShape(
            name=name,
            colour=look.hue,
            dark=on_dark(look.hue),
            texture=look.texture,
            description=description,
            share=share,
        )
        for name, look, (description, share) in zip(run.themes, looks, said, strict=True)
    ]


def prompts(run: OpenRun) -> tuple[PromptShape, ...]:
    """The run's prompts with their folds, in order; none if they were not kept yet."""
    return _prompts(run) if run.store.done("prompts") else ()


@lru_cache(maxsize=8)
def _prompts(run: OpenRun) -> tuple[PromptShape, ...]:
    return tuple(
        PromptShape(id=p.id, text=p.text, fold=run.settings.fold_of(p))
        for p in prompts_from(run.store.table("prompts"))
    )


def find_prompts(run: OpenRun, wanted: str, offset: int, limit: int) -> PromptsPage:
    """The prompts whose text holds `wanted`, whatever its case."""
    low = wanted.casefold()
    found = [p for p in prompts(run) if low in p.text.casefold()]
    return PromptsPage(total=len(found), prompts=found[offset : offset + limit])


@lru_cache(maxsize=8)
def folds(run: OpenRun) -> Folds:
    """What the prompts' samples went on to write. Raises `RunIncompleteError` before the run is labelled."""
    return read_folds(run.store, run.settings)


@lru_cache(maxsize=8)
def base(run: OpenRun) -> np.ndarray:
    """(horizon, themes) base rates of the prompts the forecaster was fitted and chosen on."""
    return base_rates(folds(run).of("train", "validation"))


def written(run: OpenRun, prompt: str) -> Written | None:
    """What the samples of that prompt went on to write, if it is one of the run's."""
    known = folds(run)
    row = next((i for i, p in enumerate(known.prompts) if p.text == prompt), None)
    if row is None:
        return None
    shares, seen = known.futures.frequencies()
    return Written(
        fold=str(known.folds[row]),
        steps=[[None if math.isnan(s) else float(s) for s in step] for step in shares[row]],
        seen=[int(n) for n in seen[row]],
    )
