"""Pictures as self-contained SVG: a forecast as columns of odds. No script, no outside font, every text escaped.

Theme names may come from model text, so each is escaped and cut. Hues and textures: `colours`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from forepath.apps.colours import Look, look_of, textures
from forepath.apps.terminal import plain
from forepath.apps.trees import Node

COLUMN, HEIGHT, GAP, TOP = 190, 420, 3, 64


class Drawing(str):
    """An SVG document that shows itself in a notebook."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def draw_forecast(tree: Node, themes: Sequence[str], title: str, note: str) -> str:
    """An SVG document: one column a step, boxes as high as their probability, what is likeliest on top.

    `title` is the prompt (cut to fit), `note` one line under it (what the odds are of, what they were tested on).
    """
    depth = _depth(tree)
    shapes: list[str] = []
    _place(tree, themes, 0.0, -1, shapes)
    width = max(1, depth) * COLUMN + 24
    heads = "".join(
        f'<text x="{12 + i * COLUMN}" y="{TOP - 8}" class="h">{"next" if i == 0 else f"step {i + 1}"}</text>'
        for i in range(depth)
    )
    hatched = any("url(#hatch-" in shape for shape in shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 16}" width="{width}" '
        f'height="{TOP + HEIGHT + 16}" role="img" aria-label="{escape(_cut(title, 200))}">'
        "<style>text{font:12px system-ui,sans-serif;fill:#1a1a1a}.t{font-size:15px;font-weight:600}"
        ".h,.n{fill:#555}.p{font-weight:600}</style>"
        f'{textures() if hatched else ""}<rect width="{width}" height="{TOP + HEIGHT + 16}" fill="#ffffff"/>'
        f'<text x="12" y="20" class="t">{escape(_cut(title, width // 9))}</text>'
        f'<text x="12" y="38" class="n">{escape(_cut(note, width // 6))}</text>{heads}{"".join(shapes)}</svg>'
    )


def _place(node: Node, themes: Sequence[str], above: float, column: int, shapes: list[str]) -> None:
    """Draw the children of `node` from height `above` (a probability) downwards, the likeliest first."""
    for child in node.children:
        _box(child.theme, child.probability, look_of(child.theme, themes), above, column + 1, shapes)
        _place(child, themes, above, column + 1, shapes)
        above += child.probability
    if node.children and node.rest >= 0.005:
        _box("something else", node.rest, Look("#e4e4e4", 0), above, column + 1, shapes)


def _box(name: str, probability: float, look: Look, above: float, column: int, shapes: list[str]) -> None:
    x, y = 12 + column * COLUMN, TOP + above * HEIGHT
    high = max(1.0, probability * HEIGHT - GAP)
    percent, place = f"{100 * probability:.0f} %", f'x="{x}" y="{y:.1f}" height="{high:.1f}"'
    shapes.append(
        f"<g><title>{escape(plain(name))}: {percent}</title>"
        f'<rect {place} width="{COLUMN - 6}" rx="3" fill="{look.hue}" fill-opacity="0.25"/>'
        f'<rect {place} width="5" rx="2" fill="{look.hue}"/>'
    )
    if look.texture:
        shapes.append(f'<rect {place} width="{COLUMN - 6}" rx="3" fill="url(#hatch-{look.texture})"/>')
    if high >= 12:
        shapes.append(
            f'<text x="{x + 11}" y="{y + high / 2 + 4:.1f}"><tspan class="p">{percent}</tspan> '
            f"{escape(_cut(name, 21))}</text>"
        )
    shapes.append("</g>")


def _depth(node: Node) -> int:
    return 1 + max(map(_depth, node.children)) if node.children else 0


def _cut(text: str, longest: int) -> str:
    text = " ".join(plain(text).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
