"""A comparison as one HTML page: no script, nothing fetched, every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from forepath.effects.prose import HEADS, LISTED, QUOTED, cells, headline, rules_of, sections, visible
from forepath.records import Effect, Trajectory

if TYPE_CHECKING:
    from forepath.effects.comparison import Comparison

_STYLE = """
:root{color-scheme:light dark;--line:#d0d0d0;--soft:#f4f4f4;--text:#1a1a1a;--page:#fff;--zero:#777;--moved:#D55E00;
--same:#0072B2;--open:#8a8a8a}
@media(prefers-color-scheme:dark){:root{--line:#444;--soft:#222;--text:#eaeaea;--page:#151515;--zero:#999;
--moved:#E69F00;--same:#56B4E9;--open:#999}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:72rem;margin:2rem auto;
padding:0 1rem}
table{border-collapse:collapse;width:100%;font-size:13px}
th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}
td{font-variant-numeric:tabular-nums}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--soft);padding:.75rem;margin:.25rem 0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}
@media(max-width:50rem){.pair{grid-template-columns:1fr}}
.moved{color:var(--moved);font-weight:600}.same{color:var(--same)}
svg{display:block}details summary{cursor:pointer}
"""
_WIDE, _HIGH = 160, 16
"""Of the picture of one interval, pixels."""


def page(c: Comparison, title: str) -> str:
    """A whole document. Its policy forbids scripts and anything from elsewhere, should an escape ever fail."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{body(c, title)}</main></body></html>\n"
    )


def body(c: Comparison, title: str) -> str:
    """The content without the page around it, for notebooks."""
    parts = [f"<h1>{_text(title)}</h1>", f"<p>{_text(headline(c))}</p>"]
    parts += [f"<p><small>{_text(rules_of(c))}</small></p>"]
    widest = max((max(abs(e.low), abs(e.high)) for e in c.effects if e.kind == "theme" and _bounded(e)), default=1.0)
    for heading, rows in sections(c):
        more = f"<p>… and {len(rows) - LISTED} more in the JSON.</p>" if len(rows) > LISTED else ""
        table = (_table(rows[:LISTED], widest) + more) if rows else "<p>Nothing.</p>"
        if heading == "What cannot be told":
            table = f"<details><summary>{len(rows)} measures</summary>{table}</details>"
        parts.append(f"<h2>{heading}</h2>{table}")
    if c.examples:
        parts.append("<h2>Texts that show it best</h2>")
        parts += [
            f"<section><p>Shows {_text(', '.join(e.shows))}. After the prompt:</p>"
            f"{_pre(e.before.prompt[-QUOTED // 2 :])}"
            f'<div class="pair">{_side("before", e.before)}{_side("after", e.after)}</div></section>'
            for e in c.examples
        ]
    parts.append("<h2>What to doubt</h2><ul>" + "".join(f"<li>{_text(d)}</li>" for d in c.doubts) + "</ul>")
    return "".join(parts)


def _table(rows: Sequence[Effect], widest: float) -> str:
    head = "".join(f'<th scope="col">{_text(h)}</th>' for h in (HEADS[0], "", *HEADS[1:]))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(_row(e, widest) for e in rows)}</tbody></table>"


def _row(e: Effect, widest: float) -> str:
    name, *rest = cells(e)
    kind = "moved" if e.moved else "same" if e.same else "open"
    shown = "".join(
        f'<td class="{kind}">{_text(cell)}</td>' if i == 4 else f"<td>{_text(cell)}</td>" for i, cell in enumerate(rest)
    )
    return f'<tr><th scope="row">{_text(name)}</th><td>{_interval(e, widest, kind)}</td>{shown}</tr>'


def _bounded(e: Effect) -> bool:
    return e.kind not in ("guard", "measure") and e.low == e.low


def _interval(e: Effect, widest: float, kind: str) -> str:
    """The interval on the scale of the themes' shifts, cut at its ends; nothing for measures of other units."""
    if not _bounded(e) or widest <= 0:
        return ""

    def x(value: float) -> str:
        return f"{_WIDE / 2 + min(max(value / widest, -1), 1) * (_WIDE / 2 - 4):.1f}"

    middle = _HIGH // 2
    return (
        f'<svg width="{_WIDE}" height="{_HIGH}" viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{e.shift:+.3f}">'
        f'<line x1="{x(0)}" x2="{x(0)}" y1="0" y2="{_HIGH}" stroke="var(--zero)"/>'
        f'<line x1="{x(e.low)}" x2="{x(e.high)}" y1="{middle}" y2="{middle}" stroke="var(--{kind})" stroke-width="2"/>'
        f'<circle cx="{x(e.shift)}" cy="{middle}" r="3.5" fill="var(--{kind})"/></svg>'
    )


def _side(name: str, trajectory: Trajectory) -> str:
    chain = " → ".join(trajectory.chain)
    return f"<div><strong>{name}</strong> <small>{_text(chain)}</small>{_pre(trajectory.text)}</div>"


def _pre(text: str) -> str:
    return f"<pre>{_text(text if len(text) <= QUOTED else text[:QUOTED] + ' …')}</pre>"


def _text(text: str) -> str:
    return escape(visible(text))
