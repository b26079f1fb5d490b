"""A judgement as one HTML page: no script, nothing fetched, every text escaped, light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from forepath.apps.judging.charts import Chart, draw
from forepath.apps.judging.figures import (
    cost_frontier,
    reliability_curves,
    site_sweep,
    size_curve,
    skill_by_step,
    worth_curve,
)
from forepath.apps.judging.headline import headline
from forepath.apps.judging.tables import Table, tables_of
from forepath.apps.terminal import plain

_STYLE = """
:root{color-scheme:light dark;--line:#d0d0d0;--soft:#f4f4f4;--text:#1a1a1a;--quiet:#555;--page:#fff;--warn:#b00020;
--c0:#0072B2;--c1:#D55E00;--c2:#009E73;--c3:#AA4499;--c4:#8a6d00;--c5:#332288;--c6:#882255;--c7:#666}
@media(prefers-color-scheme:dark){:root{--line:#444;--soft:#222;--text:#eaeaea;--quiet:#aaa;--page:#151515;
--warn:#ff8a80;--c0:#56B4E9;--c1:#E69F00;--c2:#2fd6a5;--c3:#dd99cc;--c4:#F0E442;--c5:#a9a4ff;--c6:#ff9fb4;--c7:#bbb}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:76rem;margin:2rem auto;
padding:0 1rem}
.warn{border:2px solid var(--warn);color:var(--warn);padding:.5rem 1rem;font-weight:600}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px}
th,td{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{white-space:nowrap}td{font-variant-numeric:tabular-nums}tr.main>*{font-weight:600;background:var(--soft)}
p.means{max-width:60rem}p.fools{max-width:60rem;color:var(--quiet);border-left:3px solid var(--line);padding-left:.8rem}
figure{display:inline-block;vertical-align:top;margin:1rem 1rem 1rem 0;max-width:100%}
figcaption{font-weight:600;font-size:13px}svg{max-width:100%;height:auto}svg text{font:11px system-ui,sans-serif;
fill:var(--text)}.grid{stroke:var(--line)}.level{stroke:var(--quiet);stroke-dasharray:4 3}
.legend{list-style:none;padding:0;margin:.2rem 0;font-size:12px;display:flex;flex-wrap:wrap;gap:.2rem 1rem}
.s0{stroke:var(--c0);fill:var(--c0)}.s1{stroke:var(--c1);fill:var(--c1)}.s2{stroke:var(--c2);fill:var(--c2)}
.s3{stroke:var(--c3);fill:var(--c3)}.s4{stroke:var(--c4);fill:var(--c4)}.s5{stroke:var(--c5);fill:var(--c5)}
.s6{stroke:var(--c6);fill:var(--c6)}.s7{stroke:var(--c7);fill:var(--c7)}svg .tag{stroke:none}
details summary{cursor:pointer}
"""
FOLDED = (
    "Paired tests",
    "Group by group, the next theme",
    "Where it is read",
    "How much it needs",
    "Site, normalisation, prompts and samples together",
)
"""Long tables that are opened by a click."""
SMALL = 280
"""Pixels across of a theme's own reliability."""


def page(data: Mapping[str, Any]) -> str:
    """A whole document."""
    title = f"{data['subject']}: {data['main']} judged"
    return _document(title, f"{_top(data)}{_body(data)}")


def small_page(title: str, told: str, charts: Sequence[Chart]) -> str:
    """A document of a few charts, the first one large."""
    drawn = [_figure(chart) if i == 0 else _figure(chart, SMALL, 220) for i, chart in enumerate(charts)]
    return _document(title, f"<p>{_text(told)}</p>{''.join(drawn)}")


def _document(title: str, body: str) -> str:
    """Its policy forbids scripts and anything from elsewhere, should an escape ever fail."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{_text(title)}</h1>{body}</main></body></html>\n"
    )


def _top(data: Mapping[str, Any]) -> str:
    lines, leaking = headline(data), len(data["leaks"])
    warned = lines[: leaking + 1] if leaking else []
    told = "".join(f'<p class="warn">{_text(line)}</p>' for line in warned)
    return told + "".join(f"<p>{_text(line)}</p>" for line in lines[len(warned) :])


def _body(data: Mapping[str, Any]) -> str:
    figures: dict[str, list[str]] = {
        "How far ahead": [_figure(skill_by_step(data)), _figure(worth_curve(data))],
        "Where it is read": [_figure(site_sweep(data))],
        "How much it needs": [_figure(size_curve(data))],
        "Calibration": _reliability(data),
        "Cost": [_figure(cost_frontier(data))],
    }
    parts = []
    for table in tables_of(data):
        parts.append(f"<section><h2>{_text(table.title)}</h2>")
        if table.means:
            parts.append(f'<p class="means">{_text(table.means)}</p>')
        parts += figures.pop(table.title, [])
        shown = _table(table, data)
        folded = table.title in FOLDED
        parts.append(f"<details><summary>{len(table.rows)} rows</summary>{shown}</details>" if folded else shown)
        if table.fools:
            parts.append(f'<p class="fools">How it can fool you: {_text(table.fools)}</p>')
        parts.append("</section>")
    parts.append(f"<section><h2>Who is who</h2>{_who(data)}</section>")
    notes = "".join(f"<li>{_text(note)}</li>" for note in data["notes"])
    return "".join(parts) + f"<section><h2>Notes</h2><ul>{notes}</ul></section>"


def _reliability(data: Mapping[str, Any]) -> list[str]:
    charts = reliability_curves(data)
    return [_figure(chart) if i == 0 else _figure(chart, SMALL, 220) for i, chart in enumerate(charts)]


def _figure(chart: Chart, *size: int) -> str:
    drawn = draw(chart, *size)
    return f"<figure><figcaption>{_text(chart.title)}</figcaption>{drawn}</figure>" if drawn else ""


def _table(table: Table, data: Mapping[str, Any]) -> str:
    head = "".join(f'<th scope="col">{_text(h)}</th>' for h in table.heads)
    rows = []
    for row in table.rows:
        cells = f'<th scope="row">{_text(row[0])}</th>' + "".join(f"<td>{_text(c)}</td>" for c in row[1:])
        rows.append(f'<tr class="main">{cells}</tr>' if row[0] == data["main"] else f"<tr>{cells}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _who(data: Mapping[str, Any]) -> str:
    rows = [(name, told["kind"], told["about"]) for name, told in data["about"].items()]
    return _table(Table("", ("row", "a rival by", "what it knows"), rows), data)


def _text(text: str) -> str:
    return escape(plain(str(text)))
