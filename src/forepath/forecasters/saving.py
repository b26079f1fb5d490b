"""A fitted forecaster on disk: numbers in safetensors, the rest in JSON. Knows heads and where they came from.

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
class Saved:
    """All that was read."""

    steps: list[Head]
    links: list[Head]
    themes: tuple[str, ...]
    settings: dict[str, Any]
    origin: Origin


def write_heads(
    folder: Path,
    steps: list[Head],
    links: list[Head],
    themes: tuple[str, ...],
    settings: Mapping[str, Any],
    origin: Origin,
) -> None:
    """Write both files into `folder`, made if need be. Equal input gives equal bytes."""
    from safetensors.numpy import save

    tensors = {}
    for kind, heads in (("step", steps), ("link", links)):
        for h, head in enumerate(heads):
            tensors[f"{kind}.{h}.weights"] = np.ascontiguousarray(head.weights)
            tensors[f"{kind}.{h}.intercepts"] = np.ascontiguousarray(head.intercepts)
    data = save(tensors)
    document = {
        "version": VERSION,
        "kind": "linear",
        "themes": list(themes),
        "settings": dict(settings),
        "origin": asdict(origin),
        "step": [{"floor": head.floor, "penalty": head.penalty} for head in steps],
        "link": [{"floor": head.floor, "penalty": head.penalty} for head in links],
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TENSORS).write_bytes(data)
    (folder / DOCUMENT).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_heads(folder: Path, wanted: Mapping[str, str | None]) -> Saved:
    """Read both files. `wanted` names fields of `Origin` that must be equal; None is not compared.

    Raises `RunVersionError`, `RunCorruptError`, `MismatchError`.
    """
    try:
        document = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
        version = int(document["version"])
        if version > VERSION:
            raise RunVersionError(
                f"{folder} holds a forecaster of format {version}; this forepath reads up to {VERSION}: upgrade it"
            )
        data = (folder / TENSORS).read_bytes()
        if hashlib.sha256(data).hexdigest() != document["sha256"]:
            raise RunCorruptError(
                f"{folder / TENSORS} does not match the sha256 in {DOCUMENT}; restore it or fit again"
            )
        origin = Origin(**{**document["origin"], "policy": _policy(document["origin"]["policy"])})
        _compare(folder, origin, wanted)
        steps, links = _heads(document, data, "step"), _heads(document, data, "link")
        return Saved(steps, links, tuple(document["themes"]), document["settings"], origin)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunCorruptError(
            f"{folder} holds no readable forecaster ({type(error).__name__}: {error}); wanted {DOCUMENT} and {TENSORS} "
            "as written by save(): restore them or fit again"
        ) from error


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


def _heads(document: Mapping[str, Any], data: bytes, kind: str) -> list[Head]:
    from safetensors.numpy import load

    tensors = load(data)
    return [
        Head(tensors[f"{kind}.{h}.weights"], tensors[f"{kind}.{h}.intercepts"], **facts)
        for h, facts in enumerate(document[kind])
    ]
