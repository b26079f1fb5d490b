"""How a theme looks on a page, light and dark: the colours of `pictures`, and a texture once they come round again."""

from __future__ import annotations

from collections.abc import Sequence

from forepath.apps.pictures import PALETTE, QUIET

_TOO_DARK = {
    "#0072B2": "#4AA8E0", "#882255": "#D9679F", "#332288": "#8E82E8", "#AA4499": "#D67FC7", "#117733": "#4DB36E",
    "#D55E00": "#F08A3C", "#009E73": "#35C79A", "#999933": "#C2C25A",
}  # fmt: skip
"""Colours that would be lost on a dark ground, and the same hue lighter."""


def look_of(index: int, themes: Sequence[str]) -> tuple[str, str, int]:
    """(colour on white, colour on black, texture) of the theme at `index`.

    >>> look_of(0, ("a", "b")), look_of(1, ("a", "end"))
    (('#0072B2', '#4AA8E0', 0), ('#9a9a9a', '#9a9a9a', 0))
    """
    if themes[index] in ("other", "end"):
        return QUIET, QUIET, 0
    colour = PALETTE[index % len(PALETTE)]
    return colour, _TOO_DARK.get(colour, colour), index // len(PALETTE)
