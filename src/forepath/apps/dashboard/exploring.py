"""Routes of the Explorer: texts a page at a time, themes with their counts, the overlay and what it changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from forepath.apps.dashboard.events import Hub
from forepath.apps.dashboard.library import Library
from forepath.apps.dashboard.overlaying import read_overlay, rescore, write_overlay
from forepath.apps.dashboard.patience import patiently
from forepath.apps.dashboard.shapes import (
    Changes,
    Example,
    Examples,
    OverlayShape,
    Piece,
    Rescore,
    TextRow,
    TextShape,
    TextsPage,
    ThemeCount,
)
from forepath.apps.dashboard.texts import Filter, Texts, marks
from forepath.apps.runs import OpenRun

MOST_BASES = 4
"""Databases of runs kept in memory."""


class Shelves:
    """The databases that are open, made again when their run has more texts, laid over with the run's overlay."""

    def __init__(self) -> None:
        self._open: dict[OpenRun, Texts] = {}
        self._lock = threading.Lock()

    def of(self, run: OpenRun) -> Texts:
        """The database of a run. Raises `RunIncompleteError` if nothing is labelled yet."""
        with self._lock:
            texts = self._open.pop(run, None)
            if texts is None or texts.mark != marks(run):
                texts = Texts(run)
            self._open[run] = texts
            while len(self._open) > MOST_BASES:
                del self._open[next(iter(self._open))]
        texts.lay(read_overlay(run))
        return texts


def routes(library: Library, hub: Hub, shelves: Shelves) -> APIRouter:
    """Texts, themes, overlay."""
    api = APIRouter(prefix="/api/runs/{run}", tags=["explorer"])

    @api.get("/texts")
    def read_texts(
        run: str,
        q: Annotated[str, Query(max_length=500)] = "",
        chain: Annotated[str, Query(max_length=200, pattern=r"^(\d+(,\d+)*)?$")] = "",
        themes: Annotated[str, Query(max_length=200, pattern=r"^(\d+(,\d+)*)?$")] = "",
        prompt: Annotated[str, Query(max_length=100)] = "",
        fold: Literal["", "train", "validation", "test"] = "",
        ended: Literal["", "yes", "no"] = "",
        changed: bool = False,
        order: Literal["", "longest", "shortest", "rarest"] = "",
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> TextsPage:
        wanted = Filter(q, _numbers(chain), _numbers(themes), prompt, fold, ended, changed, order)
        total, rows = shelves.of(library.open(run)).page(wanted, offset, limit)
        texts = [
            TextRow(title=_title(row.pop("prompt")), **{k: row[k] for k in TextRow.model_fields if k in row})
            for row in rows
        ]
        return TextsPage(total=total, offset=offset, texts=texts)

    @api.get("/texts/{prompt}/{sample}")
    def read_text(run: str, prompt: str, sample: int) -> TextShape:
        found = shelves.of(library.open(run)).text(f"{prompt}/{sample}")
        found["seed"] = str(found["seed"])
        pieces = pieces_of(found.pop("text"), found.pop("segments"))
        return TextShape(pieces=pieces, **{k: found[k] for k in TextShape.model_fields if k in found})

    @api.get("/themes/{theme}/examples")
    def read_examples(run: str, theme: int) -> Examples:
        opened = library.open(run)
        themes = opened.codebook.themes
        quoted = themes[theme].examples[:3] if 0 <= theme < len(themes) else ()
        drawn = shelves.of(opened).rows(
            "SELECT substring(t.text, s.start + 1, least(s.stop - s.start, 300)) AS text, t.id AS trajectory "
            "FROM segments s JOIN texts t USING (n) WHERE s.theme = ? ORDER BY hash(n * 1000 + i) LIMIT 5",
            [theme],
        )
        examples = [Example(text=t, trajectory=None) for t in quoted] + [Example(**row) for row in drawn]
        return Examples(theme=theme, examples=examples)

    @api.get("/changes")
    def read_changes(run: str) -> Changes:
        return count_changes(shelves.of(library.open(run)))

    @api.put("/overlay")
    def put_overlay(run: str, given: OverlayShape) -> Changes:
        opened = library.open(run)
        patiently(lambda: write_overlay(opened, given))
        texts = shelves.of(opened)
        hub.publish("overlays", "overlay", {"run": run, "revision": texts.overlay.revision})
        return count_changes(texts)

    @api.get("/rescore")
    def read_rescore(run: str) -> Rescore:
        opened = library.open(run)
        return rescore(opened, read_overlay(opened))

    return api


def pieces_of(text: str, segments: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """The text cut at its segments, what lies between them included.

    >>> [(p.text, p.segment) for p in pieces_of("a b.", [{"i": 0, "start": 2, "stop": 4, "own": 1, "theme": 1}])]
    [('a ', None), ('b.', 0)]
    """
    pieces, at = [], 0
    for s in segments:
        pieces.append(Piece(text=text[at : s["start"]], segment=None, own=None, theme=None))
        pieces.append(Piece(text=text[s["start"] : s["stop"]], segment=s["i"], own=s["own"], theme=s["theme"]))
        at = s["stop"]
    pieces.append(Piece(text=text[at:], segment=None, own=None, theme=None))
    return [p for p in pieces if p.text]


def count_changes(texts: Texts) -> Changes:
    """What the overlay changes, counted."""
    one = texts.rows(
        "SELECT (SELECT count(*) FROM texts) AS texts, (SELECT count(*) FROM segments) AS segments, "
        "(SELECT count(*) FROM segments WHERE own IS DISTINCT FROM theme) AS changed_segments, "
        "(SELECT count(*) FROM chain_own o JOIN chain_theme c USING (n) WHERE o.chain IS DISTINCT FROM c.chain) "
        "AS changed_texts, (SELECT count(DISTINCT chain) FROM chain_own) AS chains_before, "
        "(SELECT count(DISTINCT chain) FROM chain_theme) AS chains_after"
    )[0]
    counts = texts.rows(
        "SELECT m.i AS theme, "
        "(SELECT count(*) FROM segments WHERE own = m.i) AS before, "
        "(SELECT count(*) FROM segments WHERE theme = m.i) AS after, "
        "(SELECT count(*) FROM chain_theme WHERE list_contains(chain, m.i)) AS texts, "
        "(SELECT avg(CASE WHEN chain[1] = m.i THEN 1.0 ELSE 0.0 END) FROM chain_theme) AS first "
        "FROM names m ORDER BY m.i"
    )
    overlay = OverlayShape(**texts.overlay.to_json())
    return Changes(overlay=overlay, themes=[ThemeCount(**row) for row in counts], **one)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split(",")) if text else ()


def _title(prompt: str) -> str:
    lines = prompt.strip().splitlines()
    return lines[0][:120] if lines else ""
