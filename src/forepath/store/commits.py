"""The commit record: the small JSON file whose presence makes a shard, document or folder exist.

Knows names, sizes and hashes; not what is in the files. A record carries its own hash, so a flipped bit in the record
is found like one in the data.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from forepath.errors import RunCorruptError, RunError, RunVersionError
from forepath.store.disk import remove, settle, sha256_of, stage, write_bytes

VERSION = 1
"""Of the run format: written into every run and every record."""

OLDEST = max(1, VERSION - 1)
"""Runs of this version and the one before are read."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_SHARD = re.compile(r"[a-z0-9][a-z0-9_.-]*-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file must be."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One record."""

    name: str
    """File name without ".json": "<family>-<sid>" of a shard, else the document's or folder's name."""
    files: Mapping[str, Stamp]
    """Path within the run -> what it must be."""
    family: str | None = None
    """None for documents and folders, which have none of the rest."""
    items: tuple[str, ...] = ()
    """Work items whose rows the shard holds."""
    rows: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column -> Arrow type."""
    arrays: Mapping[str, str] = field(default_factory=dict)
    """Array -> stored dtype and shape of a row, e.g. "float32[64]"."""


def canonical(data: Any) -> bytes:
    """JSON with one spelling per value, for hashing. Raises ValueError or TypeError if it is not strict JSON."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(data: Any) -> str:
    """sha256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical(data)).hexdigest()


def shard_id(config_hash: str, family: str, items: Sequence[str]) -> str:
    """16 hex digits decided by what the shard is of, never by when or by whom it was written."""
    return digest([config_hash, family, list(items)])[:16]


def names_shard(name: str) -> bool:
    """Whether a record of this name is that of a shard.

    >>> names = "segments-0123456789abcdef", "codebook", ".tmp-7-segments-0123456789abcdef"
    >>> [names_shard(name) for name in names]
    [True, False, False]
    """
    return _SHARD.fullmatch(name) is not None


def check_name(name: str) -> str:
    """`name` if it can name a family, document or folder. Raises `RunError`."""
    if not _NAME.fullmatch(name):
        raise RunError(
            f"{name!r} cannot name a part of a run: wanted 1 to 64 of a-z, 0-9, '_', '.', '-', beginning with a letter "
            "or digit"
        )
    return name


def check_version(version: object, path: Path) -> None:
    """Raises `RunVersionError` unless this forepath reads that version."""
    if not isinstance(version, int):
        raise RunCorruptError(f"{path} has no format version; it was not written by forepath")
    if not OLDEST <= version <= VERSION:
        remedy = "upgrade forepath" if version > VERSION else "read it with an older forepath"
        raise RunVersionError(
            f"{path} is of run format {version}; this forepath reads formats {OLDEST} to {VERSION}: {remedy}"
        )


def write_commit(root: Path, commit: Commit) -> None:
    """Make `commit` true. Everything it names must be on the disk already."""
    write_bytes(path_of(root, commit.name), _text(commit))


def replace_commit(root: Path, commit: Commit, staged: Path, target: Path) -> None:
    """Put a staged document or folder in the place of the old one.

    All that needs room is written first. Then the old record goes before the old content, and the new record comes
    last: a kill between leaves no such document, never one that does not match its record.
    """
    record = stage(path_of(root, commit.name), _text(commit))
    remove(path_of(root, commit.name))
    if target.is_dir():
        remove(target)
    settle(staged, target)
    settle(record, path_of(root, commit.name))


def path_of(root: Path, name: str) -> Path:
    """Where the record of that name is in the run at `root`."""
    return root / "commit" / f"{name}.json"


def _text(commit: Commit) -> bytes:
    record = {"version": VERSION, **asdict(commit)}
    return json.dumps({**record, "record_sha256": digest(record)}, indent=1, ensure_ascii=False).encode() + b"\n"


def read_commit(path: Path) -> Commit:
    """The record at `path`. Raises `RunCorruptError` if it is damaged, `RunVersionError` if too new."""
    try:
        record = json.loads(path.read_bytes())
        said = record.pop("record_sha256")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise RunCorruptError(f"{path} is not a commit record ({error}); delete it and `forepath resume`") from error
    check_version(record.get("version"), path)
    if digest(record) != said:
        raise RunCorruptError(f"{path} does not match its own hash; delete it and `forepath resume`")
    del record["version"]
    files = {name: Stamp(**stamp) for name, stamp in record.pop("files").items()}
    return Commit(files=files, items=tuple(record.pop("items")), **record)


def stamp_of(data: bytes) -> Stamp:
    """The stamp of bytes about to be written."""
    return Stamp(len(data), hashlib.sha256(data).hexdigest())


def stamp_file(path: Path) -> Stamp:
    """The stamp of a file."""
    return Stamp(path.stat().st_size, sha256_of(path))


def faults(root: Path, commit: Commit) -> list[str]:
    """What is wrong with the files of a record, one sentence each; empty if nothing is."""
    found = []
    for name, stamp in commit.files.items():
        path = root / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif (size := path.stat().st_size) != stamp.bytes:
            found.append(f"{name} has {size} bytes, not {stamp.bytes}")
        elif sha256_of(path) != stamp.sha256:
            found.append(f"{name} does not match its sha256")
    return found
