"""The codebook: a closed, versioned list of themes, saved as JSON. Knows nothing of how themes are found or assigned.

Two kinds share one file format: what a user writes (names with descriptions, examples or patterns) and what discovery
writes (the same, and centroids with the embedder they live in). `other` and `end` are in every codebook, unwritten.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Self

from forepath.errors import CodebookError
from forepath.records import END, OTHER
from forepath.themes.patterns import compiled

VERSION = 1
RESERVED = (OTHER, END)
KEYS = ("name", "description", "examples", "patterns", "centroid", "share")
LONGEST = 64_000_000
"""Bytes of the largest codebook read."""


@dataclass(frozen=True, slots=True)
class Theme:
    """One entry of a codebook."""

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    """Texts of this theme; of a discovered theme its medoids: the segments nearest to the centroid."""
    patterns: tuple[str, ...] = ()
    """Regular expressions, case ignored."""
    centroid: tuple[float, ...] = ()
    """Direction in the codebook's embedder, of a discovered theme."""
    share: float = float("nan")
    """Share of the segments it was discovered on, in [0, 1]; NaN if a user wrote it."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How sentences' nearness to themes becomes segments. Discovery estimates all three from its texts."""

    sharpness: float = 15.0
    """Log-odds per unit of cosine between two themes."""
    switch: float = 0.1
    """P(the theme changes between two sentences of one block), in (0, 1)."""
    floor: float = 0.1
    """Cosine below which `other` is the better name, in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class Codebook:
    """A closed list of themes. Its `id` is a hash of its content."""

    themes: tuple[Theme, ...]
    embedder: Mapping[str, Any] = field(default_factory=dict)
    """`TfidfEmbedder.to_json()`, or {"kind": "named", "name": …} for one that must be brought along; else empty."""
    decoding: Decoding | None = None
    """None: to be estimated from the texts at hand."""
    checks: Mapping[str, Any] = field(default_factory=dict)
    """What discovery measured: stability per number of themes, share of `other`."""

    def __post_init__(self) -> None:
        if not self.themes:
            raise CodebookError("the codebook has no themes; give at least one")
        names = [theme.name.strip().casefold() for theme in self.themes]
        for i, theme in enumerate(self.themes):
            where = f"theme {i + 1}, {theme.name!r}"
            if not theme.name.strip():
                raise CodebookError(f"theme {i + 1} has an empty name; give it one")
            if names[i] in RESERVED:
                raise CodebookError(f"{where}: 'end' and 'other' are reserved, every codebook has them; rename it")
            if names[i] in names[:i]:
                raise CodebookError(f"{where}: theme {names.index(names[i]) + 1} has that name too; rename one")
            for pattern in theme.patterns:
                compiled(pattern, where)

    @property
    def names(self) -> tuple[str, ...]:
        """Themes by index: the codebook's own, then `other`, then `end`."""
        return (*(theme.name for theme in self.themes), *RESERVED)

    @property
    def id(self) -> str:
        """Hash of everything that decides a label; the checks do not."""
        content = {k: v for k, v in self.to_json().items() if k != "checks"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td>{escape(t.name)}</td><td>{'' if math.isnan(t.share) else f'{100 * t.share:.1f} %'}</td>"
            f"<td>{escape((t.description or ' · '.join(t.examples[:1] or t.patterns))[:160])}</td></tr>"
            for t in self.themes
        )
        head = "<tr><th>theme</th><th>share</th><th>what it is, or a text of it</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"

    def to_json(self) -> dict[str, Any]:
        """Plain data, without what is empty."""
        themes = [
            {k: v for k, v in asdict(t).items() if v not in ("", ()) and not (k == "share" and t.share != t.share)}
            for t in self.themes
        ]
        data: dict[str, Any] = {"version": VERSION, "themes": themes}
        if self.decoding is not None:
            data["decoding"] = asdict(self.decoding)
        return data | {k: dict(v) for k, v in (("embedder", self.embedder), ("checks", self.checks)) if v}

    def save(self, path: Path | str) -> None:
        """Write the JSON file, atomically."""
        path = Path(path)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_text(json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        part.replace(path)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a codebook. Raises `CodebookError` naming the file, the place in it and what to do."""
        path = Path(path)
        try:
            if path.stat().st_size > LONGEST:
                raise CodebookError(f"{path} has more than {LONGEST:,} bytes; that is no codebook")
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CodebookError(f"{path} cannot be read ({error.strerror}); give a codebook's path") from error
        except (ValueError, RecursionError) as error:
            raise CodebookError(f"{path} is not JSON ({error}); correct it there") from error
        try:
            return cls.from_json(data)
        except CodebookError as error:
            raise CodebookError(f"{path}: {error}") from error

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Back from `to_json`, or from what a user wrote.

        >>> Codebook.from_json({"version": 1, "themes": [{"name": "plan"}, {"name": "joke"}]}).names
        ('plan', 'joke', 'other', 'end')
        """
        if not isinstance(data, dict) or not isinstance(data.get("themes"), list):
            raise CodebookError('a codebook is {"version": 1, "themes": [{"name": …}, …]}; this is not')
        version = data.get("version")
        if "version" not in data:
            raise CodebookError(f'there is no "version"; write "version": {VERSION} beside "themes"')
        if version != VERSION or isinstance(version, bool):
            raise CodebookError(f"version is {version!r}; this forepath reads {VERSION}: update forepath")
        unknown = sorted(set(data) - {"version", "themes", "embedder", "decoding", "checks"})
        if unknown:
            raise CodebookError(f"unknown key {unknown[0]!r}; there are version and themes")
        decoding = _decoding(data["decoding"]) if "decoding" in data else None
        for key in ("embedder", "checks"):
            if not isinstance(data.get(key, {}), dict):
                raise CodebookError(f"{key} is {data[key]!r}; wanted an object")
        themes = tuple(_theme(entry, i + 1) for i, entry in enumerate(data["themes"]))
        return cls(themes, data.get("embedder", {}), decoding, data.get("checks", {}))


def _decoding(given: Any) -> Decoding:
    try:
        settings = Decoding(**{k: float(v) for k, v in given.items()})
    except (TypeError, ValueError, AttributeError) as error:
        raise CodebookError(f"decoding is {given!r:.80}; wanted sharpness, switch and floor as numbers") from error
    if not (settings.sharpness > 0 and 0 < settings.switch < 1 and -1 <= settings.floor <= 1):
        raise CodebookError(f"decoding is {given!r:.80}; wanted sharpness > 0, 0 < switch < 1, -1 <= floor <= 1")
    return settings


def _theme(entry: Any, place: int) -> Theme:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise CodebookError(f'theme {place} is {entry!r:.80}; wanted {{"name": …, "description"?: …}}')
    where = f"theme {place}, {entry['name']!r}"
    unknown = sorted(set(entry) - set(KEYS))
    if unknown:
        raise CodebookError(f"{where}: unknown key {unknown[0]!r}; there are {', '.join(KEYS[:4])}")
    if not isinstance(entry.get("description", ""), str):
        raise CodebookError(f"{where}: description is {entry['description']!r:.80}; wanted a text")
    for key, kinds in (("examples", str), ("patterns", str), ("centroid", int | float)):
        values = entry.get(key, [])
        if not isinstance(values, list) or not all(isinstance(v, kinds) for v in values):
            wanted = "texts" if kinds is str else "numbers"
            raise CodebookError(f"{where}: {key} is {values!r:.80}; wanted a list of {wanted}")
    share = entry.get("share", float("nan"))
    if not isinstance(share, int | float):
        raise CodebookError(f"{where}: share is {share!r:.80}; wanted a number")
    return Theme(
        entry["name"],
        entry.get("description", ""),
        tuple(entry.get("examples", ())),
        tuple(entry.get("patterns", ())),
        tuple(float(v) for v in entry.get("centroid", ())),
        float(share),
    )
