"""A fitted forecaster on disk: numbers in safetensors, the rest in JSON. Knows arrays, heads and where they came from.

`forecaster.json` is written last and holds the sha256 of `forecaster.safetensors`, so that a torn pair is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forepath.errors import MismatchError, RunCorruptError, RunVersionError
from forepath.forecasters.heads import Head
from forepath.records import Policy

VERSION = 1
"""Of the format written here."""
TENSORS, DOCUMENT = "forecaster.safetensors", "forecaster.json"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a forecaster was fitted on: it says nothing about anything else."""

    subject: str
    """Fingerprint."""
    codebook: str
    """Id of the codebook whose themes it forecasts."""
    site: str
    """Where its inputs were read, e.g. "resid.3"."""
    policy: Policy
    """How the samples were drawn."""
    prompts: int
    samples: int
    """Per prompt."""
    seed: int
    """Of the samples."""


@dataclass(frozen=True, slots=True)
class SavedArrays:
    """All that was read of any forecaster."""

    tensors: dict[str, np.ndarray]
    themes: tuple[str, ...]
    settings: dict[str, Any]
    facts: dict[str, Any]
    """Further fields of the document, as handed to `write_arrays`."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Saved:
    """All that was read of a linear forecaster."""

    steps: list[Head]
    links: list[Head]
    themes: tuple[str, ...]
    settings: dict[str, Any]
    origin: Origin


def write_arrays(
    folder: Path,
    kind: str,
    tensors: Mapping[str, np.ndarray],
    themes: tuple[str, ...],
    settings: Mapping[str, Any],
    origin: Origin,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write both files into `folder`, made if need be. Equal input gives equal bytes. `facts` are plain data."""
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(values) for name, values in tensors.items()})
    document = {
        "version": VERSION,
        "kind": kind,
        "themes": list(themes),
        "settings": dict(settings),
        "origin": asdict(origin),
        **(facts or {}),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TENSORS).write_bytes(data)
    (folder / DOCUMENT).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_arrays(folder: Path, kind: str, wanted: Mapping[str, str | None]) -> SavedArrays:
    """Read both files. `wanted` names fields of `Origin` that must be equal; None is not compared.

    Raises `RunVersionError`, `RunCorruptError`, and `MismatchError` also where the forecaster is of another kind.
    """
    from safetensors.numpy import load

    try:
        document = _document(folder)
        data = (folder / TENSORS).read_bytes()
        if hashlib.sha256(data).hexdigest() != document["sha256"]:
            raise RunCorruptError(
                f"{folder / TENSORS} does not match the sha256 in {DOCUMENT}; restore it or fit again"
            )
        if document["kind"] != kind:
            raise MismatchError(
                f"the forecaster in {folder} is of kind {document['kind']!r}, not {kind!r}; load it with "
                "forepath.forecasters.loading.load, which looks first"
            )
        origin = Origin(**{**document["origin"], "policy": _policy(document["origin"]["policy"])})
        _compare(folder, origin, wanted)
        known = {"version", "kind", "themes", "settings", "origin", "sha256"}
        facts = {name: value for name, value in document.items() if name not in known}
        return SavedArrays(load(data), tuple(document["themes"]), document["settings"], facts, origin)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder, error) from error


def read_kind(folder: Path) -> str:
    """Which forecaster `folder` holds. Raises `RunVersionError`, `RunCorruptError`."""
    try:
        return str(_document(folder)["kind"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder, error) from error


def head_tensors(heads: Mapping[str, list[Head]]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(tensors, facts) of named lists of heads, for `write_arrays`."""
    tensors = {}
    for kind, members in heads.items():
        for h, head in enumerate(members):
            tensors[f"{kind}.{h}.weights"] = head.weights
            tensors[f"{kind}.{h}.intercepts"] = head.intercepts
    facts = {k: [{"floor": head.floor, "penalty": head.penalty} for head in members] for k, members in heads.items()}
    return tensors, facts


def heads_of(saved: SavedArrays, kind: str) -> list[Head]:
    """Back from `head_tensors`."""
    return [
        Head(saved.tensors[f"{kind}.{h}.weights"], saved.tensors[f"{kind}.{h}.intercepts"], **facts)
        for h, facts in enumerate(saved.facts[kind])
    ]


def write_heads(
    folder: Path,
    steps: list[Head],
    links: list[Head],
    themes: tuple[str, ...],
    settings: Mapping[str, Any],
    origin: Origin,
) -> None:
    """Write a linear forecaster."""
    tensors, facts = head_tensors({"step": steps, "link": links})
    write_arrays(folder, "linear", tensors, themes, settings, origin, facts)


def read_heads(folder: Path, wanted: Mapping[str, str | None]) -> Saved:
    """Read a linear forecaster; raises as `read_arrays`."""
    saved = read_arrays(folder, "linear", wanted)
    try:
        return Saved(heads_of(saved, "step"), heads_of(saved, "link"), saved.themes, saved.settings, saved.origin)
    except (KeyError, TypeError) as error:
        raise _unreadable(folder, error) from error


def _document(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    version = int(document["version"])
    if version > VERSION:
        raise RunVersionError(
            f"{folder} holds a forecaster of format {version}; this forepath reads up to {VERSION}: upgrade it"
        )
    return document


def _unreadable(folder: Path, error: Exception) -> RunCorruptError:
    return RunCorruptError(
        f"{folder} holds no readable forecaster ({type(error).__name__}: {error}); wanted {DOCUMENT} and {TENSORS} "
        "as written by save(): restore them or fit again"
    )


def _policy(fields: Mapping[str, Any]) -> Policy:
    return Policy(**{**fields, "stop": tuple(fields["stop"])})


def _compare(folder: Path, origin: Origin, wanted: Mapping[str, str | None]) -> None:
    differing = [
        f"{name} {getattr(origin, name)!r}, not {value!r}"
        for name, value in wanted.items()
        if value is not None and value != getattr(origin, name)
    ]
    if differing:
        raise MismatchError(
            f"the forecaster in {folder} was fitted on {' and '.join(differing)}; load the one that belongs to "
            "these, or fit a new one"
        )
