"""An intervention told in one line of words, as a command line or a note can hold it.

    ablate head:3.5 how=mean                        actadd resid.2 positive='Once upon a time' coefficient=4
    ablate resid.3 along=@sae.safetensors:W_dec:17,23    clamp resid.3 vector=@dirs.safetensors:verse value=2
    add resid.3 toward=@verse.txt away=@prose.txt   edit mlp:3 keys=@subjects.txt background=@texts.txt target=' wool'
    quantise bits=4                                 policy temperature=0.5

A kind, its place where it has one, and arguments of its function in `interventions.making`. A value is JSON where it
reads as JSON, else text; `@` reads a file: the lines of a text, or key (and rows) of a .safetensors.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from forepath.errors import InputError
from forepath.records import Intervention
from forepath.subjects.interventions import making

FUNCTIONS: Mapping[str, Callable[..., Intervention]] = {
    **{kind: getattr(making, kind) for kind in making.KINDS if kind not in making.OUTSIDE},
    "prompt": making.prompted,
    "policy": making.sampled,
}
_LISTS = frozenset({"toward", "away", "stop"})
"""Arguments that are lists of texts, beside those that the functions of `making` say are sequences."""


def read_phrase(phrase: str, reference: Callable[[], Sequence[str]]) -> Intervention:
    """What `phrase` says. `reference` gives the texts of a mean or a resampling that names none.

    Raises `InputError` that names the kinds or the arguments there are, `InterventionError`.

    >>> read_phrase("ablate head:3.5", list).site, read_phrase("quantise bits=4", list).params["bits"]
    ('head:3.5', 4)
    """
    try:
        words = shlex.split(phrase)
    except ValueError as error:
        raise InputError(f"{phrase!r}: {error}; close the quotation") from error
    if not words or words[0] not in FUNCTIONS:
        raise InputError(f"{phrase!r}: wanted a kind of change first, one of {', '.join(FUNCTIONS)}")
    kind, given = words[0], words[1:]
    site = [given.pop(0)] if kind in making.PLACED and given and "=" not in given[0] else []
    wanted = {name: str(p.annotation) for name, p in inspect.signature(FUNCTIONS[kind]).parameters.items()}
    arguments = dict(_argument(phrase, word, wanted) for word in given)
    if kind == "add":
        arguments = _contrasted(phrase, arguments)
    if kind == "ablate" and arguments.get("how", "zero") != "zero":
        arguments.setdefault("texts", reference())
    function = FUNCTIONS[kind]
    try:
        inspect.signature(function).bind(*site, **arguments)
    except TypeError as error:
        raise InputError(f"{phrase!r}: {error}; {kind} takes {_takes(kind, function)}") from error
    try:
        return function(*site, **arguments)
    except (TypeError, ValueError) as error:
        raise InputError(f"{phrase!r}: {error}; {kind} takes {_takes(kind, function)}") from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank. Raises `InputError`."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text ({error}); give a UTF-8 file, one text a line") from error
    if not lines:
        raise InputError(f"{path} has no lines with text")
    return lines


def _argument(phrase: str, word: str, wanted: Mapping[str, str]) -> tuple[str, Any]:
    """`wanted`: argument -> its type, as the function says it."""
    name, equals, value = word.partition("=")
    if not (equals and name.isidentifier()):
        raise InputError(f"{phrase!r}: {word!r} is no NAME=VALUE; put quotation marks around a text with spaces")
    kind = wanted.get(name, "Any")
    listed = name in _LISTS or kind.startswith("Sequence")
    if value.startswith("@"):
        found: Any = _file(value[1:])
        return name, found if listed or len(found) > 1 else found[0]
    found = value if "str" in kind and not listed else _plain(value)
    return name, [found] if listed and not isinstance(found, list) else found


def _plain(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _file(value: str) -> list[Any]:
    """Lines of a text file; vectors of `FILE.safetensors:KEY` or `FILE.safetensors:KEY:ROW,ROW`."""
    match = re.fullmatch(r"(.+\.safetensors):([^:]+)(?::(\d+(?:,\d+)*))?", value)
    if match is None and ".safetensors" in value:
        raise InputError(f"@{value}: wanted @FILE.safetensors:KEY, or :KEY:ROW,ROW for rows of a matrix")
    if match is None:
        return read_lines(Path(value))
    file, key, rows = match.groups()
    return [making.stored(file, key, row=int(n)) for n in rows.split(",")] if rows else [making.stored(file, key)]


def _contrasted(phrase: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """`toward` and `away` (and `read`, `unit`) as the vector that they tell."""
    sides = {"toward", "away"} & set(arguments)
    if not sides:
        return arguments
    if len(sides) == 1 or "vector" in arguments:
        raise InputError(f"{phrase!r}: steering needs toward=@FILE and away=@FILE, or vector=@FILE.safetensors:KEY")
    told = {name: arguments.pop(name) for name in ("read", "unit") if name in arguments}
    vector = making.contrast(arguments.pop("toward"), arguments.pop("away"), **told)
    return {**arguments, "vector": vector}


def _takes(kind: str, function: Callable[..., Intervention]) -> str:
    if kind == "policy":
        return ", ".join(sorted(making.KINDS["policy"][1]))
    return ", ".join(inspect.signature(function).parameters)
