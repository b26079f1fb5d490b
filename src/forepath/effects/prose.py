"""A comparison in words and Markdown tables. Text of models is quoted: it cannot become markup or move a cursor."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from forepath.effects.removal import not_spared
from forepath.records import Effect

if TYPE_CHECKING:
    from forepath.effects.comparison import Comparison

LISTED = 40
"""Rows of a table in a report; all are in the JSON."""
QUOTED = 600
"""Characters of a text in a report."""
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def visible(text: str) -> str:
    """Without control characters and marks that turn the direction of writing.

    >>> visible("a\\x1b[2Jb\\u202ec")
    'a[2Jbc'
    """
    return _UNSEEN.sub("", text)


def headline(c: Comparison) -> str:
    """The answer in a few sentences."""
    moved, same = ([e for e in side if e.kind == "theme"] for side in (c.moved, c.same))
    themes = [e for e in c.effects if e.kind == "theme"]
    still = [e for e in same if not e.moved]
    lines = [
        f"{len(moved)} of {len(themes)} themes moved, {len(still)} stayed within their margin, "
        f"{len(themes) - len(moved) - len(still)} cannot be told; {len(c.effects)} measures were looked at on "
        f"{c.prompts} prompts ({c.pairs} pairs of texts)."
    ]
    if moved:
        lines.append("Moved: " + "; ".join(f"{name_of(e)} {signed(e)}" for e in moved[:6]) + ".")
    if not math.isnan(c.specificity.value):
        lines.append(
            f"Of what moved, {number(c.specificity.value)} [{number(c.specificity.low)}, {number(c.specificity.high)}] "
            f"(in squared shift) was meant to: {', '.join(c.targets)}."
        )
    if c.removed.value > 0:
        lines.append(_removed(c))
    return " ".join(lines)


def _removed(c: Comparison) -> str:
    """How much of the targets is gone, and whether the rest was spared."""
    gone = c.removed
    broken, open_ones, rest = not_spared(c.effects, c.targets)
    parts = [f"Of {', '.join(c.targets)}, {gone.value:.1%} [{gone.low:.1%}, {gone.high:.1%}] is gone."]
    if not broken and not open_ones:
        parts.append(f"All {rest} other themes are shown to have stayed within their margins.")
    if broken:
        parts.append(f"Not spared: {'; '.join(f'{name_of(e)} {signed(e)}' for e in broken[:8])}"
                     + (f" and {len(broken) - 8} more." if len(broken) > 8 else "."))  # fmt: skip
    if open_ones:
        named = ", ".join(name_of(e) for e in open_ones[:8]) + (" …" if len(open_ones) > 8 else "")
        parts.append(f"Of {rest} other themes {len(open_ones)} cannot be told: {named}.")
    return " ".join(parts)


def rules_of(c: Comparison) -> str:
    """How it was decided."""
    return (
        f"Moved: q at most {c.rate:g}, the p-value of a paired t-test over prompts, adjusted for all "
        f"{len(c.effects)} measures, half of the rate being the guards' ({c.adjusted}). Same: two one-sided tests "
        f"show a shift smaller than the margin, adjusted likewise; of a share it is {c.margin:g}, or {c.part:.0%} of "
        "what there was before if that is less, and it stands in the row. Neither: not enough was seen to say. "
        "Intervals are 95 %, one measure at a time."
    )


def sections(c: Comparison) -> list[tuple[str, list[Effect]]]:
    """(heading, rows): what moved, what stayed, guards, what cannot be told."""
    plain = [e for e in c.effects if e.kind != "guard"]
    moved = [e for e in c.moved if e.kind != "guard"]
    stayed = [e for e in c.same if e.kind in ("theme", "measure") and not e.moved]
    unsure = sorted((e for e in plain if not e.moved and not e.same), key=lambda e: e.p if e.p == e.p else 2.0)
    return [
        ("What moved", moved),
        ("What did not move", stayed),
        ("Is it still fluent?", list(c.guards)),
        ("What cannot be told", unsure),
    ]


HEADS = ("measure", "before", "after", "shift [95 %]", "q", "verdict", "margin", "prompts", "not judged")


def cells(e: Effect) -> tuple[str, ...]:
    """One row of a table."""
    verdict = ("moved, little" if e.same else "moved") if e.moved else "same" if e.same else "–"
    return (visible(e.measure), number(e.before), number(e.after), signed(e), number(e.q, 4), verdict, number(e.margin),
            str(e.n), str(e.unmeasured))  # fmt: skip


def markdown(c: Comparison, title: str) -> str:
    """The whole report."""
    parts = [f"# {_line(title)}", _line(headline(c)), rules_of(c)]
    for heading, rows in sections(c):
        parts.append(f"## {heading}")
        parts.append(_table([cells(e) for e in rows[:LISTED]]) if rows else "Nothing.")
        if len(rows) > LISTED:
            parts.append(f"… and {len(rows) - LISTED} more in the JSON.")
    if c.examples:
        parts.append("## Texts that show it best")
        for example in c.examples:
            parts.append(f"Shows {', '.join(map(_line, example.shows))}. After the prompt:")
            parts.append(_quote(example.before.prompt[-QUOTED // 2 :]))
            parts += ["before:", _quote(example.before.text), "after:", _quote(example.after.text)]
    parts += ["## What to doubt", "\n".join(f"- {_line(d)}" for d in c.doubts)]
    return "\n\n".join(parts) + "\n"


def name_of(e: Effect) -> str:
    """A measure without its kind, where that is a theme."""
    return visible(e.measure.removeprefix("theme: "))


def signed(e: Effect) -> str:
    """Shift and interval."""
    return f"{_signed(e.shift)} [{_signed(e.low)}, {_signed(e.high)}]"


def number(value: float, digits: int = 3) -> str:
    """Short, and a dash for what could not be judged."""
    if math.isnan(value):
        return "–"
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:.1f}"


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.3f}" if abs(value) < 100 else f"{value:+.1f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
    return "\n".join([*lines, *("| " + " | ".join(_line(cell) for cell in row) + " |" for row in rows)])


def _line(text: str) -> str:
    """On one line, with what Markdown would read as markup escaped."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(visible(text).split()))


def _quote(text: str) -> str:
    """A fenced block that the text cannot close."""
    shown = visible(text if len(text) <= QUOTED else text[:QUOTED] + " …")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"
