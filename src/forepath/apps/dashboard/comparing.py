"""Routes of the Compare screen: what moved from one run, or prompt, to another, and what did not; by `effects`.

Nothing is decided here: these are the rows of `forepath compare`, as the page reads them.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints

from forepath.apps.comparing import change_of, compare_runs
from forepath.apps.contrasting import compare_prompts
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.library import Library
from forepath.apps.dashboard.shapes import Shape, Text
from forepath.effects.comparing import Rules
from forepath.effects.comparison import Comparison
from forepath.effects.prose import QUOTED, rules_of, sections, visible
from forepath.records import Effect

KEPT = 8
"""Comparisons kept: one of ten thousand texts takes seconds."""


class EffectShape(Shape):
    """One measure. Null: could not be judged."""

    measure: str
    kind: str
    before: float | None
    after: float | None
    shift: float | None
    low: float | None
    high: float | None
    """95 % interval of the shift."""
    q: float | None
    margin: float | None
    n: int
    """Prompts, or texts, with a value on both sides."""
    unmeasured: int
    moved: bool
    same: bool
    """Both: a shift that is real and small. Neither: not enough was seen to say."""


class Section(Shape):
    """Measures under one heading."""

    name: Literal["moved", "stayed", "guards", "unsure"]
    effects: list[EffectShape]


class TextPair(Shape):
    """Two texts that show it."""

    shows: list[str]
    prompt: str
    before: str
    after: str


class ComparisonShape(Shape):
    """What moved, what stayed, and what to doubt."""

    change: str
    """What was done between the two, in words."""
    unit: Literal["prompts", "texts"]
    prompts: int
    """How many of `unit` were paired."""
    pairs: int
    alone: int
    sections: list[Section]
    rules: str
    examples: list[TextPair]
    doubts: list[str]


class Side(Shape):
    """A prompt and the run whose model goes on with it."""

    run: Annotated[str, StringConstraints(max_length=100)]
    prompt: Text


class AskBoth(Shape):
    """Two prompts to sample."""

    before: Side
    after: Side
    samples: Annotated[int, Field(ge=30, le=256)] = 64
    """Texts of each."""
    margin: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.05


def routes(library: Library, engine: Engine) -> APIRouter:
    """Comparisons of two runs, and of two prompts."""
    api = APIRouter(prefix="/api/compare", tags=["compare"])
    kept: OrderedDict[Any, ComparisonShape] = OrderedDict()
    working = threading.Lock()

    def once(key: Any, make: Callable[[], ComparisonShape]) -> ComparisonShape:
        with working:
            if key not in kept:
                kept[key] = make()
            kept.move_to_end(key)
            while len(kept) > KEPT:
                kept.popitem(last=False)
            return kept[key]

    @api.get("")
    def read_comparison(
        before: str,
        after: str,
        margin: Annotated[float, Query(gt=0, le=0.5)] = 0.05,
        rate: Annotated[float, Query(gt=0, lt=1)] = 0.05,
        fluency: bool = False,
    ) -> ComparisonShape:
        one, other = library.open(before), library.open(after)

        def make() -> ComparisonShape:
            rules = Rules(rate=rate, margin=margin)
            if not fluency:
                found = compare_runs(one, other, fluency=False, rules=rules)
            else:
                engine.subject(one)
                with engine.turn(one):
                    found = compare_runs(one, other, rules=rules)
            return shaped(found, change_of(other), "prompts")

        return once((one, other, margin, rate, fluency), make)

    @api.post("")
    def compare_two_prompts(ask: AskBoth) -> ComparisonShape:
        sides = [(library.open(side.run), side.prompt) for side in (ask.before, ask.after)]
        for run, _ in sides:
            engine.subject(run)

        def make() -> ComparisonShape:
            rules = Rules(rate=ask.rate, margin=ask.margin)
            found = compare_prompts(sides[0], sides[1], samples=ask.samples, rules=rules, turn=engine.turn)
            return shaped(found, "another prompt" if ask.before.run == ask.after.run else "another model", "texts")

        return once((*sides, ask.samples, ask.margin, ask.rate), make)

    return api


def shaped(found: Comparison, change: str, unit: Literal["prompts", "texts"]) -> ComparisonShape:
    """A comparison as the page reads it."""
    names: tuple[Literal["moved", "stayed", "guards", "unsure"], ...] = ("moved", "stayed", "guards", "unsure")
    rules = rules_of(found)
    return ComparisonShape(
        change=visible(change),
        unit=unit,
        prompts=found.prompts,
        pairs=found.pairs,
        alone=found.alone,
        sections=[Section(name=name, effects=[_effect(e) for e in rows])
                  for name, (_, rows) in zip(names, sections(found), strict=True)],
        rules=rules if unit == "prompts" else rules.replace("over prompts", "over texts"),
        examples=[
            TextPair(
                shows=[visible(s) for s in e.shows],
                prompt=visible(e.before.prompt[-QUOTED // 2 :]),
                before=visible(e.before.text[:QUOTED]),
                after=visible(e.after.text[:QUOTED]),
            )
            for e in found.examples
        ],
        doubts=[visible(d) for d in found.doubts],
    )  # fmt: skip


def _effect(e: Effect) -> EffectShape:
    told = {name: getattr(e, name) for name in EffectShape.model_fields}
    known = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in told.items()}
    return EffectShape.model_validate(known)
