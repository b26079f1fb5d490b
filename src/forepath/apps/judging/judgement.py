"""What a judge found, in a user's hands: JSON, text, Markdown, one HTML page. Arranged here, computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forepath.errors import InputError


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one run."""

    data: Mapping[str, Any]
    """The document `judgement` of the run: plain JSON; null is "could not judge", "inf" more than can be measured."""

    def to_json(self) -> dict[str, Any]:
        """`{"rows": [...], ...}`: rows with the fields of `forepath score --json`, null where not finite."""
        cleared: dict[str, Any] = _finite(dict(self.data))
        return cleared

    def html(self) -> str:
        """A self-contained page: no script, nothing from elsewhere, every text escaped."""
        from forepath.apps.judging.page import page

        return page(self.data)

    def write_html(self, path: Path | str) -> Path:
        """Write the page and return where it is. Raises `InputError` where it cannot be written."""
        return _written(path, self.html())

    def write_markdown(self, path: Path | str) -> Path:
        """Write the tables and return where they are. Raises `InputError` where they cannot be written."""
        return _written(path, self.markdown())

    def markdown(self) -> str:
        """The tables, as Markdown."""
        from forepath.apps.judging.printing import markdown

        return markdown(self.data)

    def _repr_html_(self) -> str:
        return self.html()

    def __str__(self) -> str:
        from forepath.apps.judging.printing import text

        return text(self.data)


def _written(path: Path | str, text: str) -> Path:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the report {path} cannot be written ({error.strerror}); give a path in an existing folder"
        ) from error
    return Path(path)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if value in ("inf", "-inf") else value
