"""Pictures of effects, by matplotlib: shifts with intervals, and heat maps of side effects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.effects.prose import visible
from forepath.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from forepath.effects.comparison import Comparison

MOVED, SAME, OPEN = "#D55E00", "#0072B2", "#8a8a8a"
"""Safe for colour-blind readers (Okabe and Ito 2008)."""
DRAWN = 30


def draw_shifts(c: Comparison, path: Path) -> Path:
    """The themes and whatever else moved, clearest at the top."""
    chosen = [e for e in c.effects if e.low == e.low and (e.kind == "theme" or (e.moved and e.kind == "transition"))]
    chosen = sorted(chosen, key=lambda e: (not e.moved, e.p))[:DRAWN][::-1]
    figure = new_figure(7.2, 1.2 + 0.24 * max(4, len(chosen)))
    axes = figure.subplots()
    axes.axvspan(-c.margin, c.margin, color="#0072B2", alpha=0.08, lw=0)
    axes.axvline(0, color="#555555", lw=0.8)
    for i, e in enumerate(chosen):
        colour = MOVED if e.moved else SAME if e.same else OPEN
        axes.plot([e.low, e.high], [i, i], color=colour, lw=2)
        axes.plot(e.shift, i, "o", color=colour, ms=4)
    axes.set_yticks(range(len(chosen)), [plain_label(e.measure) for e in chosen], fontsize=8)
    axes.set(xlabel=f"shift in the share of texts, 95 %; shaded: within {c.margin:g}", ylim=(-0.8, max(4, len(chosen))))
    return write_figure(figure, path)


def plain_label(text: str) -> str:
    """A name that matplotlib will not read as mathematics."""
    return visible(text).replace("$", r"\$")[:60]


def new_figure(width: float, height: float) -> Any:
    """An empty figure, inches. Raises `MissingExtraError`."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "a picture of effects") from error
    return Figure(figsize=(width, height), layout="constrained")


def write_figure(figure: Any, path: Path) -> Path:
    """PNG or SVG by the suffix. Raises `InputError`."""
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:  # ValueError: matplotlib does not know the suffix
        raise InputError(
            f"the picture {path} cannot be written ({error}); give a path in an existing folder"
        ) from error
    return path
