"""A judgement as plain text, at most 100 columns wide, and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from forepath.apps.judging.headline import headline
from forepath.apps.judging.tables import Table, tables_of
from forepath.apps.terminal import plain

WIDE = 100
LONGEST = 60
"""Characters of a cell of text before it is folded into the line below."""


def text(data: Mapping[str, Any]) -> str:
    """Everything, in columns."""
    blocks = ["\n".join(_folded(line) for line in headline(data))]
    for table in tables_of(data):
        blocks.append("\n".join([table.title.upper(), *_columns(table), *_prose(table)]))
    blocks.append("\n".join(_folded(f"- {note}", "  ") for note in data["notes"]))
    return "\n\n".join(blocks)


def markdown(data: Mapping[str, Any]) -> str:
    """Everything, as Markdown tables; text of models and prompts cannot become markup."""
    blocks = [f"# {_inert(data['main'])} judged", "\n\n".join(_inert(line) for line in headline(data))]
    for table in tables_of(data):
        lines = [_line(table.heads), _line("---" for _ in table.heads), *map(_line, table.rows)]
        prose = [p for p in (table.means, f"*How it can fool you:* {table.fools}" if table.fools else "") if p]
        blocks += [f"## {table.title}", "\n".join(lines), *prose]
    blocks.append("\n".join(f"- {_inert(note)}" for note in data["notes"]))
    return "\n\n".join(blocks) + "\n"


def _columns(table: Table) -> list[str]:
    cells = [tuple(plain(c) for c in row) for row in (table.heads, *table.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.heads))]
    room = WIDE - sum(widths[:-1]) - 2 * (len(widths) - 1)
    lines = []
    for row in cells:
        start = "".join(c.ljust(w + 2) for c, w in zip(row[:-1], widths[:-1], strict=True))
        last = textwrap.wrap(row[-1], max(room, 20)) or [""]
        lines += [(start + last[0]).rstrip(), *(" " * len(start) + more for more in last[1:])]
    return lines


def _prose(table: Table) -> list[str]:
    told = (table.means, f"Can fool you: {table.fools}" if table.fools else "")
    return [_folded(part, "  ") for part in told if part]


def _folded(line: str, indent: str = "") -> str:
    return textwrap.fill(plain(line), WIDE, subsequent_indent=indent)


def _line(cells: Sequence[str] | Any) -> str:
    return "| " + " | ".join(_inert(c) for c in cells) + " |"


def _inert(cell: str) -> str:
    """Without what Markdown would read as markup.

    >>> _inert("a|b<c>")
    'a\\\\|b&lt;c>'
    """
    shown = plain(cell).replace("\n", " ")
    for mark in "\\|`*_[]":
        shown = shown.replace(mark, f"\\{mark}")
    return shown.replace("<", "&lt;")
