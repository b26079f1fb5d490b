"""A chain distribution as a tree: what may come first, what may come after that, with what odds.

Pure arrangement: probabilities are those of the forecast, added up over shared beginnings, never renormalised. What is
too small to show is kept as `rest`, so the numbers under a node always add up to the node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from forepath.apps.terminal import plain
from forepath.records import Chain


@dataclass(frozen=True, slots=True)
class Node:
    """One theme at one place in the tree."""

    theme: str
    probability: float
    """P(the chain begins with the path down to this node), in [0, 1]."""
    children: tuple[Node, ...]
    rest: float
    """Probability of this node not covered by `children`."""


def grow(chains: Sequence[Chain], probabilities: Iterable[float], *, least: float = 0.02, widest: int = 5) -> Node:
    """The tree of `chains`, its root standing for the prompt (theme "", probability 1).

    Branches under `least` (absolute probability) and beyond the `widest` likeliest of a node go into `rest`.

    >>> tree = grow([("a", "b"), ("a", "c"), ("b", "end")], [0.5, 0.2, 0.25])
    >>> [(n.theme, round(n.probability, 2)) for n in tree.children], round(tree.rest, 2)
    ([('a', 0.7), ('b', 0.25)], 0.05)
    """
    return _node("", 1.0, list(zip(chains, probabilities, strict=True)), least, widest)


def _node(theme: str, probability: float, branches: list[tuple[Chain, float]], least: float, widest: int) -> Node:
    under: dict[str, list[tuple[Chain, float]]] = defaultdict(list)
    for chain, p in branches:
        if chain:
            under[chain[0]].append((chain[1:], p))
    totals = {name: sum(p for _, p in tails) for name, tails in under.items()}
    shown = sorted((n for n in totals if totals[n] >= least), key=lambda n: (-totals[n], n))[:widest]
    children = tuple(_node(n, totals[n], under[n], least, widest) for n in shown)
    rest = probability - sum(c.probability for c in children) if under else 0.0
    return Node(theme, probability, children, max(0.0, rest))


def draw_text(tree: Node, *, width: int = 20) -> list[str]:
    """Lines of text: probability, a bar of at most `width` characters, the theme; one line a node.

    >>> print("\\n".join(draw_text(grow([("a", "end"), ("b",)], [0.75, 0.25]), width=8)))
     75 % ██████   a
     75 % ██████   └ end
     25 % ██       b
    """
    lines: list[str] = []

    def put(probability: float, label: str) -> None:
        label = plain(label)
        lines.append(f"{100 * probability:3.0f} % {'█' * round(width * probability):<{width}} {label}")

    def walk(node: Node, indent: str) -> None:
        for i, child in enumerate(node.children):
            last = i == len(node.children) - 1 and node.rest < 0.005
            branch = "" if node is tree else indent + ("└ " if last else "├ ")
            put(child.probability, branch + child.theme)
            walk(child, "" if node is tree else indent + ("  " if last else "│ "))
        if node.children and node.rest >= 0.005:
            put(node.rest, ("" if node is tree else indent + "└ ") + "… something else")

    walk(tree, "")
    return lines
