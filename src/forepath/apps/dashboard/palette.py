"""The dark side of `colours`: the same hues where the ground is dark. Textures are the same on both."""

from __future__ import annotations

_LIGHTER = {"#882255": "#B33F79", "#332288": "#A18FFF", "#117733": "#49D277"}
"""Hues that would be lost on a dark ground, and the same ones lighter."""


def on_dark(hue: str) -> str:
    """The hue to use instead of `hue` on a dark ground.

    >>> on_dark("#332288"), on_dark("#E69F00")
    ('#A18FFF', '#E69F00')
    """
    return _LIGHTER.get(hue, hue)
