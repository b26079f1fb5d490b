"""The dark side of `colours`: the same hues where the ground is dark. Textures are the same on both."""

from __future__ import annotations

_LIGHTER = {
    "#0072B2": "#4AA8E0", "#009E73": "#2FC397", "#D55E00": "#F08A3C", "#882255": "#DB6FA4", "#332288": "#9488EC",
    "#117733": "#55B875",
}  # fmt: skip
"""Hues that would be lost on a dark ground, and the same ones lighter."""


def on_dark(hue: str) -> str:
    """The hue to use instead of `hue` on a dark ground.

    >>> on_dark("#332288"), on_dark("#E69F00")
    ('#9488EC', '#E69F00')
    """
    return _LIGHTER.get(hue, hue)
