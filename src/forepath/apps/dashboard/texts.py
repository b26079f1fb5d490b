"""The texts of one run as a small database in memory: searched, filtered and counted by DuckDB, a page at a time.

Made from the run's committed tables; made again when there are more of them. Labels lie in two columns: the run's own,
and as the overlay has them. The database reaches no file and no network.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from forepath.apps.dashboard.shelf import prompts
from forepath.apps.runs import OpenRun
from forepath.errors import InputError
from forepath.records import END
from forepath.themes.overlays import Overlay

SNIPPET = 160
"""Characters of a text in a list."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which texts are wanted."""

    q: str = ""
    """In the text or its prompt, whatever the case; between slashes, a regular expression (RE2)."""
    chain: tuple[int, ...] = ()
    """How the chain begins."""
    themes: tuple[int, ...] = ()
    """Themes that all occur in it."""
    prompt: str = ""
    """Id of the prompt."""
    fold: str = ""
    ended: Literal["", "yes", "no"] = ""
    changed: bool = False
    """Only texts whose chain the overlay changes."""
    order: Literal["", "longest", "shortest", "rarest"] = ""


class Texts:
    """The database of one run."""

    def __init__(self, run: OpenRun) -> None:
        """Reads the run's texts. Raises `RunIncompleteError` if it has none that are labelled."""
        import pyarrow as pa

        family = f"segments-{run.codebook.id}"
        self.mark = marks(run)
        self.themes = run.themes
        self._lock = threading.Lock()
        self._db = duckdb.connect(":memory:", config={"threads": 2})
        known = prompts(run)
        self._fill("names", pa.table({"i": range(len(self.themes)), "name": list(self.themes)}), "SELECT * FROM given")
        self._fill(
            "prompts",
            pa.table({c: [getattr(p, c) for p in known] for c in ("id", "text", "fold")}),
            "SELECT row_number() OVER () AS place, * FROM given",
        )
        columns = ["id", "prompt_id", "sample", "seed", "tokens", "text", "finished"]
        self._fill(
            "texts",
            run.store.table("trajectories", columns),
            "SELECT row_number() OVER (ORDER BY p.place, g.sample) - 1 AS n, g.* EXCLUDE (tokens), "
            "len(tokens) AS length, p.fold, p.text AS prompt FROM given g JOIN prompts p ON p.id = g.prompt_id",
        )
        self._fill(
            "segments",
            run.store.table(family),
            'SELECT t.n, g."index" AS i, g.start, g.stop, m.i AS own, m.i AS theme'
            " FROM given g JOIN texts t ON t.id = g.trajectory LEFT JOIN names m ON m.name = g.theme",
        )
        self._db.execute("SET enable_external_access=false")
        self._db.execute("SET lock_configuration=true")
        self.overlay = Overlay()
        self._chain("own")
        self._chain("theme")

    def _fill(self, name: str, given: Any, select: str) -> None:
        self._db.register("given", given)
        self._db.execute(f"CREATE TABLE {name} AS {select}")
        self._db.unregister("given")

    def _chain(self, column: str) -> None:
        """Table chain_<column>: n, chain (list of themes, repeats collapsed, `end` last if the subject ended)."""
        end = self.themes.index(END)
        self._db.execute(
            f"CREATE OR REPLACE TABLE chain_{column} AS WITH fresh AS ("
            f"  SELECT n, i, {column} AS theme, lag({column}) OVER (PARTITION BY n ORDER BY i) AS before"
            f"  FROM segments WHERE {column} IS NOT NULL), "
            "kept AS (SELECT n, list(theme ORDER BY i) AS chain FROM fresh "
            "  WHERE theme IS DISTINCT FROM before GROUP BY n) "
            f"SELECT t.n, coalesce(kept.chain, []) || CASE WHEN t.finished THEN [{end}] ELSE [] END AS chain "
            "FROM texts t LEFT JOIN kept USING (n)"
        )

    def lay(self, overlay: Overlay) -> None:
        """Lay an overlay over the labels, in place of the one before."""
        with self._lock:
            if overlay == self.overlay:
                return
            to = overlay.index(self.themes).tolist()
            cases = " ".join(f"WHEN {i} THEN {t}" for i, t in enumerate(to) if i != t)
            mapped = f"CASE own {cases} ELSE own END" if cases else "own"
            self._db.execute(f"UPDATE segments SET theme = {mapped}")
            places = [key.rsplit(":", 1) for key in overlay.relabelled]
            given = [to[self.themes.index(theme)] for theme in overlay.relabelled.values()]
            self._db.execute(
                "UPDATE segments SET theme = e.theme FROM (SELECT unnest(?::VARCHAR[]) AS id, "
                "unnest(?::INTEGER[]) AS i, unnest(?::INTEGER[]) AS theme) e JOIN texts t ON t.id = e.id "
                "WHERE segments.n = t.n AND segments.i = e.i",
                [[id for id, _ in places], [int(i) for _, i in places], given],
            )
            self._chain("theme")
            self.overlay = overlay

    def rows(self, sql: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """The answer to one statement, as dicts. Raises `InputError` for a pattern that is none."""
        with self._lock:
            try:
                answer = self._db.execute(sql, values or [])
                names = [d[0] for d in answer.description or []]
                return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
            except (duckdb.InvalidInputException, duckdb.OutOfRangeException, duckdb.ConversionException) as error:
                raise InputError(f"the search cannot be done: {str(error).splitlines()[0]}") from error

    def page(self, wanted: Filter, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """(how many there are, some of them): n and what `TextRow` has, with the whole prompt."""
        where, values = _where(wanted)
        source = "FROM texts t JOIN chain_theme c USING (n) JOIN chain_own o USING (n)"
        order = {"": "n", "longest": "length DESC, n", "shortest": "length, n", "rarest": "often, n"}[wanted.order]
        if wanted.order == "rarest":
            source += " JOIN (SELECT chain, count(*) AS often FROM chain_theme GROUP BY chain) f ON f.chain = c.chain"
        total = int(self.rows(f"SELECT count(*) AS total {source} {where}", values)[0]["total"])
        found = self.rows(
            f"SELECT n, t.id, prompt_id, prompt, left(t.text, {SNIPPET}) AS snippet, fold, finished, length, "
            f"c.chain, c.chain IS DISTINCT FROM o.chain AS changed {source} {where} "
            f"ORDER BY {order} LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return total, found

    def text(self, id: str) -> dict[str, Any]:
        """One text with its segments. Raises `InputError` if there is none of that id."""
        found = self.rows(
            "SELECT t.*, c.chain FROM texts t JOIN chain_theme c USING (n) WHERE t.id = ?",
            [id],
        )
        if not found:
            raise InputError(f"no text {id!r:.80} in this run")
        parts = self.rows("SELECT i, start, stop, own, theme FROM segments WHERE n = ? ORDER BY i", [found[0]["n"]])
        return found[0] | {"segments": parts}


def marks(run: OpenRun) -> tuple[int, int]:
    """Changes whenever the run has more texts or labels."""
    return len(run.store.done("trajectories")), len(run.store.done(f"segments-{run.codebook.id}"))


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []

    def need(sql: str, *given: Any) -> None:
        parts.append(sql)
        values.extend(given)

    q = wanted.q
    if len(q) > 2 and q.startswith("/") and q.endswith("/"):
        need("(regexp_matches(t.text, ?) OR regexp_matches(t.prompt, ?))", q[1:-1], q[1:-1])
    elif q:
        need("(contains(lower(t.text), lower(?)) OR contains(lower(t.prompt), lower(?)))", q, q)
    if wanted.chain:
        need(f"c.chain[1:{len(wanted.chain)}] = ?", list(wanted.chain))
    if wanted.themes:
        need("list_has_all(c.chain, ?)", list(wanted.themes))
    if wanted.prompt:
        need("t.prompt_id = ?", wanted.prompt)
    if wanted.fold:
        need("t.fold = ?", wanted.fold)
    if wanted.ended:
        need("t.finished = ?", wanted.ended == "yes")
    if wanted.changed:
        need("c.chain IS DISTINCT FROM o.chain")
    return ("WHERE " + " AND ".join(parts) if parts else ""), values
