"""run.json: what makes a directory a run, and what the run was asked to do. Knows nothing of what the run holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forepath import __version__
from forepath.errors import RunCorruptError, RunError
from forepath.store.commits import VERSION, check_version
from forepath.store.disk import TEMPORARY, make_folder, write_bytes

NAME = "run.json"
_PARTS = {"data", "commit", ".lock"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of run.json that readers need."""

    config: dict[str, Any]
    created: str
    """UTC, ISO 8601."""


def create(path: Path, config: Mapping[str, Any]) -> Manifest:
    """Make `path` a run, or read the run that is there if its config is equal.

    Raises `RunError` if something else is there, a run of another config included, or if `config` is not strict JSON.
    """
    try:
        plain = json.loads(json.dumps(dict(config), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RunError(f"the config of {path} is not plain JSON: {error}") from error
    if (path / NAME).exists():
        there = read(path)
        if there.config != plain:
            raise RunError(
                f"{path} holds another run ({_difference(there.config, plain)}); choose another directory, or resume it"
            )
        return there
    if path.exists() and (not path.is_dir() or _strangers(path)):
        raise RunError(f"{path} is not empty and not a run; give a new or empty directory")
    for folder in (path, path / "data", path / "commit"):
        make_folder(folder)
    manifest = {
        "format": "forepath run",
        "version": VERSION,
        "forepath": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": plain,
    }
    write_bytes(path / NAME, json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n")
    return read(path)


def read(path: Path) -> Manifest:
    """The manifest of the run at `path`. Raises `RunError`, `RunVersionError` or `RunCorruptError`."""
    if not (path / NAME).is_file():
        what = f"has no {NAME}" if path.is_dir() else "is a file" if path.exists() else "does not exist"
        raise RunError(f"{path} is not a run: it {what}; give a directory that `forepath run --out` wrote")
    try:
        manifest = json.loads((path / NAME).read_bytes())
        version = manifest["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunCorruptError(f"{path / NAME} is not the manifest of a run ({error!r}); restore it") from error
    check_version(version, path)  # before anything a newer format may have renamed
    try:
        return Manifest(dict(manifest["config"]), str(manifest["created"]))
    except (KeyError, TypeError, ValueError) as error:
        raise RunCorruptError(f"{path / NAME} lacks {error!r}; restore it") from error


def _difference(there: object, asked: object, key: str = "") -> str:
    """Where two configs differ, by dotted key."""
    if isinstance(there, dict) and isinstance(asked, dict):
        keys = [k for k in {**there, **asked} if there.get(k) != asked.get(k)]
        return ", ".join(_difference(there.get(k), asked.get(k), f"{key}.{k}" if key else k) for k in keys)
    return f"{key}: {there!r} there, {asked!r} asked"


def _strangers(path: Path) -> set[str]:
    """What is in `path` that a process killed while creating this run cannot have left."""
    return {p.name for p in path.iterdir() if not p.name.startswith(TEMPORARY)} - _PARTS
