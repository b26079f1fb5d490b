"""A grammar small enough to enumerate, with every feature of the large one: flags, habits, lists, persistent words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forepath.worlds.grammar import Grammar
from forepath.worlds.lexicon.shapes import Content, Kind, Persona, Theme, Tone, Topic


def toy_content(most_segments: int = 3, most_sentences: int = 1, bend: float = 1.0) -> Content:
    """`bend` multiplies one transition's odds: the bug to plant."""
    themes = [
        Theme("needs", "", (("n", "{part} please"), ("w", "a lot of {part}")), joiner="\n", prefix="- "),
        Theme("steps", "", (("n", "Stir the {part}."), ("d", "Heat it."))),
        Theme("tale", "", (("w", "Once {hero} sang."), ("n", "Then {hero} slept."))),
        Theme("care", "", (("n", "Mind the nuts."),)),
        Theme("bye", "", (("w", "So long, {hero}!"),)),
    ]
    moves = {
        "needs": {"steps": 3.0 * bend, "tale": 1.0},
        "steps": {"tale": 1.0, "needs": 0.5},
        "tale": {"steps": 2.0, "needs": 0.2},
    }
    return Content(
        themes={t.name: t for t in themes},
        lists={"hero": ("Ann", "Anna")},
        topics={"food": (Topic("pie", ("egg", "eggplant")), Topic("pier", ("egg",)))},
        kinds={
            "recipe": Kind("recipe", 2, "food", ("The {thing}",), ("The {thing} for {hero}",), 0.4, "care", 1.0,
                           {"needs": 4, "tale": 1}, moves),
            "story": Kind("story", 1, "food", ("The {thing}", "My {thing}"), ("A {thing}, part one",), 0.3, "tale", 0.6,
                          {"tale": 3, "steps": 1}, {"tale": {"steps": 1, "care": 1}, "steps": {"tale": 2}, "care": {}}),
        },
        personas={
            "kind": Persona("kind", ("Jo", "Joan"), {"tale": 0.5}, "bye", length=0.5),
            "curt": Persona("curt", ("Max",), {"steps": 0.7}, "steps", length=-0.5, hurry=1.0),
        },
        tones={"warm": Tone("warm", "w", {"tale": 0.3}), "dry": Tone("dry", "d")},
        most_segments=most_segments,
        most_sentences=most_sentences,
    )  # fmt: skip


@pytest.fixture
def toy() -> Callable[..., Grammar]:
    """Toy grammar of the given size."""
    return lambda **options: Grammar(toy_content(**options))
