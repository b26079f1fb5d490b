"""Pictures as self-contained SVG: a forecast as columns of odds. No script, no outside font, every text escaped.

Theme names may come from model text, so each is escaped and cut; colours are safe for colour-blind readers (Okabe and
Ito 2008; Tol 2021) and belong to a theme's place in the codebook, so a theme looks the same in every picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from forepath.apps.terminal import plain
from forepath.apps.trees import Node

PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#882255", "#44AA99", "#999933",
    "#332288", "#DDCC77", "#AA4499", "#117733", "#88CCEE", "#CC6677",
)  # fmt: skip
QUIET = "#9a9a9a"
COLUMN, HEIGHT, GAP, TOP = 190, 420, 3, 64


def colour_of(theme: str, themes: Sequence[str]) -> str:
    """The colour of `theme` by its place in `themes`; grey for `end`, `other` and strangers."""
    if theme in ("end", "other") or theme not in themes:
        return QUIET
    return PALETTE[list(themes).index(theme) % len(PALETTE)]


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
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 16}" width="{width}" '
        f'height="{TOP + HEIGHT + 16}" role="img" aria-label="{escape(_cut(title, 200))}">'
        "<style>text{font:12px system-ui,sans-serif;fill:#1a1a1a}.t{font-size:15px;font-weight:600}"
        ".h,.n{fill:#555}.p{font-weight:600}</style>"
        f'<rect width="{width}" height="{TOP + HEIGHT + 16}" fill="#ffffff"/>'
        f'<text x="12" y="20" class="t">{escape(_cut(title, width // 9))}</text>'
        f'<text x="12" y="38" class="n">{escape(_cut(note, width // 6))}</text>{heads}{"".join(shapes)}</svg>'
    )


def _place(node: Node, themes: Sequence[str], above: float, column: int, shapes: list[str]) -> None:
    """Draw the children of `node` from height `above` (a probability) downwards, the likeliest first."""
    for child in node.children:
        _box(child.theme, child.probability, colour_of(child.theme, themes), above, column + 1, shapes)
        _place(child, themes, above, column + 1, shapes)
        above += child.probability
    if node.children and node.rest >= 0.005:
        _box("something else", node.rest, "#e4e4e4", above, column + 1, shapes)


def _box(name: str, probability: float, fill: str, above: float, column: int, shapes: list[str]) -> None:
    x, y = 12 + column * COLUMN, TOP + above * HEIGHT
    high = max(1.0, probability * HEIGHT - GAP)
    percent = f"{100 * probability:.0f} %"
    shapes.append(
        f"<g><title>{escape(plain(name))}: {percent}</title>"
        f'<rect x="{x}" y="{y:.1f}" width="{COLUMN - 6}" height="{high:.1f}" rx="3" fill="{fill}" fill-opacity="0.25"/>'
        f'<rect x="{x}" y="{y:.1f}" width="5" height="{high:.1f}" rx="2" fill="{fill}"/>'
    )
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
