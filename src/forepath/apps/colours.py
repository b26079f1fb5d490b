"""How a theme looks in every picture and terminal: a hue, and from the eleventh theme on a texture besides.

Ten hues that readers with any one kind of colour blindness can tell apart (from Okabe and Ito 2008, and Tol 2021; a
test measures it by the simulation of Machado et al. 2009), times seven textures: 70 looks. They belong to a theme's
place in the codebook, so a theme looks the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HUES = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#882255", "#332288", "#117733",
)  # fmt: skip
QUIET = "#9a9a9a"
EMPHASIS = ("", "underline", "italic", "bold", "underline italic", "bold underline", "bold italic")
"""Each texture as a terminal draws it."""
HATCHES = ("", "M0 8L8 0", "M0 0L8 8", "M4 0V8", "M0 4H8", "M0 8L8 0M0 0L8 8", "M4 0V8M0 4H8")
"""Each texture as lines in an 8 x 8 SVG tile."""


@dataclass(frozen=True, slots=True)
class Look:
    """Of one theme."""

    hue: str
    """"#rrggbb"."""
    texture: int
    """Index into `HATCHES` and `EMPHASIS`; 0 is none."""

    @property
    def terminal(self) -> str:
        """A `rich` style."""
        return f"{self.hue} {EMPHASIS[self.texture]}".strip()


def look_of(theme: str, themes: Sequence[str]) -> Look:
    """The look of `theme` by its place in `themes`; plain grey for `end`, `other` and strangers.

    >>> [look_of(t, ["a", "b", "end"]).hue for t in ("b", "end", "c")]
    ['#E69F00', '#9a9a9a', '#9a9a9a']
    """
    if theme in ("end", "other") or theme not in themes:
        return Look(QUIET, 0)
    place = list(themes).index(theme)
    return Look(HUES[place % len(HUES)], place // len(HUES) % len(HATCHES))


def textures() -> str:
    """SVG definitions of the textures, for `fill="url(#hatch-1)"` and so on."""
    tiles = "".join(
        f'<pattern id="hatch-{i}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<path d="{path}" stroke="#1a1a1a" stroke-opacity="0.28" fill="none"/></pattern>'
        for i, path in enumerate(HATCHES)
        if path
    )
    return f"<defs>{tiles}</defs>"
