"""Prompts from the files people have: text lines, CSV, JSON lines, JSON, Parquet, standard input.

Knows file formats; no model and no run. Texts are taken as they are, blanks at either end included: to a language
model they matter.

- `.txt`: one prompt a line; `\\n` in it stands for a line break, `\\\\` for a backslash; blank lines are passed over.
- `.csv`: a header line, then one prompt a row.
- `.jsonl`: a string or an object a line; blank lines are passed over. `.json`: a list of strings or of objects.
- `.parquet`: one prompt a row.
- `-`: standard input; JSON lines if its first line is a JSON object, otherwise as `.txt`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any

from forepath.errors import PromptError
from forepath.store import Prompt

Row = tuple[str, Mapping[str, Any]]
"""Where it stands ("FILE, line 3"), and its columns; a bare text is the column `prompt`."""

Part = tuple[str, str]
"""Of a template: a literal text and the field after it, "" at the end."""

DEFAULT_COLUMNS = ("prompt", "text")


def read_prompts(
    source: str | Path, *, column: str | None = None, template: str | None = None, limit: int | None = None
) -> list[Prompt]:
    """The different prompts of a file or of standard input ("-"), in order; equal texts are one, `copies` counts them.

    `column` holds the prompt; if not given it is `prompt` or `text`. `template` is a text with columns in braces,
    "Recipe: {title}" ("{prompt}" is the prompt's column; "{{" is a brace). `extra` keeps the other columns.
    `limit` stops at the first so many different prompts, and counts no copies beyond.

    Raises `PromptError` saying what is wrong and where: no such file, unknown suffix, not UTF-8 (which byte), a
    malformed line (which), an unknown column (what there is), an empty prompt (which row), none at all.
    """
    if limit is not None and limit < 1:
        raise PromptError(f"limit is {limit}; read at least 1 prompt")
    parts = _parts(template)
    found: dict[str, Prompt] = {}
    for where, row in _rows(source):
        prompt = _prompt(where, row, column, parts)
        if prompt.id in found:
            found[prompt.id] = replace(found[prompt.id], copies=found[prompt.id].copies + 1)
        elif limit is not None and len(found) == limit:
            break
        else:
            found[prompt.id] = prompt
    if not found:
        raise PromptError(f"{source} holds no prompt; write at least one")
    return list(found.values())


def prompt_of(text: str, extra: Mapping[str, Any] | None = None) -> Prompt:
    """A prompt, its id decided by its text: equal texts have equal ids in every run.

    >>> prompt_of("Once upon a time").id
    'e286222c229ec73b'
    """
    return Prompt(hashlib.sha256(text.encode()).hexdigest()[:16], text, extra or {})


# --- one row -> one text ---


def _prompt(where: str, row: Mapping[str, Any], column: str | None, parts: Sequence[Part]) -> Prompt:
    """The prompt of a row, its other columns as `extra`."""
    names = {field: _column(where, row, column if field == "prompt" else field) for _, field in parts if field}
    texts = {field: _text(where, name, row[name], field == "prompt") for field, name in names.items()}
    text = "".join(literal + texts.get(field, "") for literal, field in parts)
    if not text.strip():
        raise PromptError(f"{where}: the prompt is empty; fill it in or take the row out")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(
            f"{where}: half a surrogate pair at character {error.start}; write whole characters"
        ) from error
    return prompt_of(text, {k: v for k, v in row.items() if k != names.get("prompt")})


def _column(where: str, row: Mapping[str, Any], wanted: str | None) -> str:
    """The column that holds the prompt."""
    if wanted is None:
        # no guess even where there is one column: of a CSV without a header that would be its first prompt
        default = next((c for c in DEFAULT_COLUMNS if c in row), None)
        if default is None:
            raise PromptError(
                f"{where}: which column is the prompt? There are {', '.join(row)}; name one with --column"
            )
        return default
    if wanted not in row:
        near = get_close_matches(wanted, row, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise PromptError(f"{where}: no column {wanted!r}; there are {', '.join(map(repr, row)) or 'none'}{hint}")
    return wanted


def _text(where: str, column: str, value: object, is_prompt: bool) -> str:
    if value is None:
        raise PromptError(f"{where}: {column} is empty; fill it in or take the row out")
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False)
    if is_prompt:
        raise PromptError(f"{where}: {column} is {text[:60]}, not a text; name another column with --column")
    return text


def _parts(template: str | None) -> list[Part]:
    """A template taken apart. Names only in its braces, so that it reaches nothing but its row."""
    if template is None:
        return [("", "prompt")]
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise PromptError(f"template {template!r}: {error}; write '{{{{' or '}}}}' for a brace itself") from error
    if any(name is not None and (not name or form or conversion) for _, name, form, conversion in parsed):
        raise PromptError(f"template {template!r}: wanted a column's name alone in the braces, like {{prompt}}")
    if not any(name for _, name, _, _ in parsed):
        raise PromptError(f"template {template!r} names no column, so every prompt would be the same; write {{prompt}}")
    return [(literal, name or "") for literal, name, _, _ in parsed]


# --- files -> rows ---


def _rows(source: str | Path) -> Iterator[Row]:
    if str(source) == "-":
        data = sys.stdin.buffer.read()
        first = _decode("standard input", data).lstrip("\n").partition("\n")[0]
        return (_json_lines if _is_object(first) else _lines)("standard input", data)
    path = Path(source)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise PromptError(f"{path}: unknown kind of file {path.suffix!r}; give {', '.join(_READERS)} or - for stdin")
    if not path.is_file():
        raise PromptError(f"{path} {'is a directory' if path.is_dir() else 'does not exist'}; give a file of prompts")
    try:
        return reader(str(path), path.read_bytes())
    except OSError as error:
        raise PromptError(f"{path} cannot be read: {error.strerror}; check its rights") from error


def _decode(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PromptError(
            f"{name} is not UTF-8: byte {error.start} (0x{data[error.start]:02x}, line {line}); save it as UTF-8"
        ) from error


def _split(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Lines that are not blank, with their place. Only line feeds end a line: other separators may be the prompt's."""
    for number, line in enumerate(_decode(name, data).split("\n"), 1):
        line = line.removesuffix("\r")
        if line.strip():
            yield f"{name}, line {number}", line


def _lines(name: str, data: bytes) -> Iterator[Row]:
    for where, line in _split(name, data):
        yield where, {"prompt": re.sub(r"\\([\\n])", lambda m: "\n" if m[1] == "n" else "\\", line)}


def _json_lines(name: str, data: bytes) -> Iterator[Row]:
    for where, line in _split(name, data):
        try:
            yield where, _record(where, _loads(line))
        except ValueError as error:
            raise PromptError(f"{where} is not JSON ({error}); write one string or object a line") from error


def _json(name: str, data: bytes) -> Iterator[Row]:
    try:
        content = _loads(_decode(name, data))
    except ValueError as error:
        raise PromptError(f"{name} is not JSON ({error}); give a list of strings or of objects") from error
    if not isinstance(content, list):
        raise PromptError(f"{name} holds {type(content).__name__}, not a list; give a list of strings or of objects")
    for number, item in enumerate(content, 1):
        yield (where := f"{name}, item {number}"), _record(where, item)


def _csv(name: str, data: bytes) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(_decode(name, data), newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header):
            raise PromptError(f"{name}, line 1: two columns of one name in {', '.join(header)}; rename one")
        last = reader.line_num
        for cells in reader:
            where, last = f"{name}, line {last + 1}", reader.line_num  # a row may be several lines long
            if not cells:
                continue
            if len(cells) != len(header):
                raise PromptError(
                    f"{where}: {len(cells)} cells under {len(header)} columns; quote cells that hold a comma"
                )
            yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise PromptError(f"{name}, line {reader.line_num} is not CSV ({error}); check its quotes") from error


def _parquet(name: str, data: bytes) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            rows = (row for batch in file.iter_batches() for row in batch.to_pylist())
            for number, row in enumerate(rows, 1):
                yield f"{name}, row {number}", _loads(json.dumps(row, default=str))
    except (OSError, pa.ArrowException) as error:
        raise PromptError(f"{name} is not readable Parquet ({error}); write it again") from error


def _record(where: str, item: object) -> Mapping[str, Any]:
    if isinstance(item, str):
        return {"prompt": item}
    if isinstance(item, dict):
        return item
    raise PromptError(f"{where} is {type(item).__name__}; wanted a string or an object with the prompt in it")


def _loads(text: str) -> Any:
    """Strict JSON: what some writers put for a number that is none becomes null. Raises ValueError."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _is_object(line: str) -> bool:
    try:
        return isinstance(_loads(line), dict)
    except ValueError:
        return False


_READERS: dict[str, Callable[[str, bytes], Iterator[Row]]] = {
    ".txt": _lines,
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".json": _json,
    ".parquet": _parquet,
}
