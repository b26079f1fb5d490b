"""An intervention told in one line of words, as a command line or a note can hold it.

    ablate head:3.5 how=mean                        actadd resid.2 positive='Once upon a time' coefficient=4
    ablate resid.3 along=@sae.safetensors:W_dec:17,23    clamp resid.3 vector=@dirs.safetensors:verse value=2
    add resid.3 toward=@verse.txt away=@prose.txt   edit mlp:3 keys=@subjects.txt background=@texts.txt target=' wool'
    quantise bits=4                                 policy temperature=0.5

A kind, its place where it has one, and arguments of its function in `interventions.making`, each once and of the type
that the function says. A number or a list is JSON. `@` reads a file: the whole of it where one text is wanted, without
the newline at its end; its lines that are not blank where a list of texts is wanted; key (and rows) of a .safetensors
where vectors are.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from forepath.errors import InputError
from forepath.records import Intervention, Policy
from forepath.subjects.interventions import making

FUNCTIONS: Mapping[str, Callable[..., Intervention]] = {
    **{kind: getattr(making, kind) for kind in making.KINDS if kind not in making.OUTSIDE},
    "prompt": making.prompted,
    "policy": making.sampled,
}


def read_phrase(phrase: str, reference: Callable[[], Sequence[str]]) -> Intervention:
    """What `phrase` says. `reference` gives the texts of a mean or a resampling that names none.

    Raises `InputError` that names the kinds or the arguments there are, what was given and what is wanted;
    `InterventionError`.

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
    arguments = _arguments(phrase, kind, given)
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
    lines = [line for line in _whole_file(path).splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path} has no lines with text")
    return lines


def wanted_types(kind: str) -> dict[str, str]:
    """Argument -> its type, as the function of `kind` (for steering also `making.contrast`) writes it."""
    if kind == "policy":
        return {f.name: str(f.type) for f in fields(Policy)}
    told = {name: str(p.annotation) for name, p in inspect.signature(FUNCTIONS[kind]).parameters.items()}
    if kind != "add":
        return told
    sides = {name: str(p.annotation) for name, p in inspect.signature(making.contrast).parameters.items()}
    return {**told, "toward": sides["positive"], "away": sides["negative"], "read": sides["read"],
            "unit": sides["unit"]}  # fmt: skip


def _arguments(phrase: str, kind: str, words: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE words as arguments; a name that `kind` does not have is left to its function to refuse."""
    types, found = wanted_types(kind), dict[str, Any]()
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name.isidentifier()):
            raise InputError(f"{phrase!r}: {word!r} is no NAME=VALUE; put quotation marks around a text with spaces")
        if name in found:
            raise InputError(f"{phrase!r}: {name} is given twice; give it once")
        if name not in types:
            found[name] = value
            continue
        read, wanted = READERS[types[name]]
        try:
            found[name] = read(value)
        except InputError as error:
            raise InputError(f"{phrase!r}: {name}: {error}") from error
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{phrase!r}: {name}={value!r}; wanted {wanted}; {kind} takes {_takes(kind, FUNCTIONS[kind])}"
            ) from error
    return found


def _text(value: str) -> str:
    return _clean(_whole_file(Path(value[1:])) if value.startswith("@") else value)


def _texts(value: str) -> list[str]:
    if value.startswith("@"):
        return read_lines(Path(value[1:]))
    found = _plain(value)
    return [_clean(text) for text in (found if isinstance(found, list) else [found])]


def _clean(text: Any) -> str:
    """`text`, if it is one that can be written in UTF-8. Raises `TypeError`, `ValueError`."""
    if not isinstance(text, str):
        raise TypeError
    text.encode()
    return text


def _whole_number(value: Any) -> int:
    found = _plain(value)
    if isinstance(found, bool) or not isinstance(found, int):
        raise TypeError
    return found


def _number(value: Any) -> float:
    found = _plain(value)
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) <= sys.float_info.max:
        raise TypeError
    return found


def _yes_or_no(value: str) -> bool:
    found = _plain(value)
    if not isinstance(found, bool):
        raise TypeError
    return found


def _places(value: str) -> list[int]:
    found = _plain(value)
    return [_whole_number(n) for n in (found if isinstance(found, list) else [found])]


def _where(value: str) -> str | list[int]:
    return _places(value) if isinstance(_plain(value), list) else _text(value)


def _vector(value: Any) -> Any:
    """Numbers, or what is kept in a file."""
    if isinstance(value, str) and value.startswith("@"):
        found = _stored(value[1:])
        if len(found) != 1:
            raise InputError(f"{value} has {len(found)} rows; wanted one vector")
        return found[0]
    numbers = _plain(value)
    if not isinstance(numbers, list):
        raise TypeError
    return [_number(n) for n in numbers]


def _vectors(value: str) -> list[Any]:
    if value.startswith("@"):
        return _stored(value[1:])
    found = _plain(value)
    if not isinstance(found, list):
        raise TypeError
    return [_vector(v) for v in found]


READERS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "str": (_text, "a text, or @FILE"),
    "str | None": (_text, "a text, or @FILE"),
    "Path | str": (_text, "a directory"),
    "int": (_whole_number, "a whole number"),
    "float": (_number, "a finite number"),
    "bool": (_yes_or_no, "true or false"),
    "Sequence[str]": (_texts, """a text, @FILE of one text a line, or a JSON list such as '["one", "5"]'"""),
    "tuple[str, ...]": (_texts, """a text, @FILE of one text a line, or a JSON list such as '["one", "5"]'"""),
    "Sequence[int]": (_places, "a position, or a list such as [0,-1]"),
    "Where": (_where, "all, prompt, written, last, or positions such as [0,-1]"),
    "Vector": (_vector, "@FILE.safetensors:KEY or :KEY:ROW, or a list such as [1,0,-0.5]"),
    "Vector | None": (_vector, "@FILE.safetensors:KEY or :KEY:ROW, or a list such as [1,0,-0.5]"),
    "Sequence[Vector] | np.ndarray": (_vectors, "@FILE.safetensors:KEY or :KEY:ROW,ROW, or a list of lists of numbers"),
}
"""Type, as a function writes it -> (what reads a value of it, the words for what is wanted).

A reader raises `InputError` for a file, `TypeError` or `ValueError` for a value of another type.
"""


def _plain(value: Any) -> Any:
    """The JSON that `value` is, if it is a text that reads as JSON; else `value`."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _whole_file(path: Path) -> str:
    """A text file without the newline at its end. Raises `InputError`."""
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as text ({error}); give a UTF-8 file") from error
    if not text or "\0" in text:
        raise InputError(f"{path} {'holds NUL bytes' if text else 'is empty'}; give a UTF-8 file with text")
    return text


def _stored(value: str) -> list[dict[str, Any]]:
    """Vectors of `FILE.safetensors:KEY` or `FILE.safetensors:KEY:ROW,ROW`. Raises `InputError`."""
    match = re.fullmatch(r"(.+\.safetensors):([^:]+)(?::(\d+(?:,\d+)*))?", value)
    if match is None:
        raise InputError(f"@{value}: wanted @FILE.safetensors:KEY, or :KEY:ROW,ROW for rows of a matrix")
    file, key, told = match.groups()
    rows = [int(n) for n in told.split(",")] if told else []
    try:
        found = [making.stored(file, key, row=row) for row in rows] or [making.stored(file, key)]
        with safe_open(file, framework="numpy") as opened:
            keys = sorted(opened.keys())
            shape = opened.get_slice(key).get_shape() if key in keys else []
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"{file} cannot be read ({error}); give a safetensors file") from error
    if key not in keys:
        raise InputError(f"{file} has no {key!r}; it has {', '.join(keys)}")
    if rows and (len(shape) != 2 or max(rows) >= shape[0]):
        raise InputError(f"{key!r} of {file} has shape {tuple(shape)}: no row {max(rows)}")
    return found


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
