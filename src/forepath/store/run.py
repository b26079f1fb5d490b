"""A run directory: append shards of work items, read them back in one order, resume by set difference.

Knows tables, arrays and JSON; not what they mean. Kill the process anywhere: what was committed stays, what was being
written never was.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from forepath.errors import RunCorruptError, RunError, RunIncompleteError
from forepath.store import care, disk, journal, lock, manifest, parquet, tensors
from forepath.store.commits import (
    Commit,
    check_name,
    digest,
    faults,
    names_shard,
    path_of,
    read_commit,
    replace_commit,
    shard_id,
    stamp_file,
    stamp_of,
    write_commit,
)
from forepath.store.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa


class Run:
    """One run on disk. Any number of processes may read it; one at a time writes.

    >>> import tempfile, numpy as np, pyarrow as pa
    >>> run = Run.create(Path(tempfile.mkdtemp()) / "run", {"seed": 0})
    >>> run.append("cats", ["item-0"], pa.table({"name": ["Tom", "Mia"]}), {"paws": np.ones((2, 4))})
    >>> run.done("cats"), run.table("cats")["name"].to_pylist(), run.arrays("cats", "paws").shape
    ({'item-0'}, ['Tom', 'Mia'], (2, 4))
    """

    path: Path
    config: dict[str, Any]
    """What the run was asked to do: JSON, frozen when the run was created."""
    created: str
    """When, in UTC, ISO 8601."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        """Use `Run.create` or `Run.open`."""
        self.path = path
        self.config = manifest.config
        self.created = manifest.created
        self._config_hash = digest(self.config)
        self._shards: dict[str, Commit] = {}  # by name: the record of a shard never changes
        self._handle = -1
        self._depth = 0

    @classmethod
    def create(cls, path: Path | str, config: Mapping[str, Any]) -> Self:
        """A new run, or the one that is there if its config is equal: asking twice goes on with the first.

        Raises `RunError` if `path` holds something else or a run with another config (naming what differs), or if
        `config` is not strict JSON.
        """
        return cls(Path(path), manifest.create(Path(path), config))

    @classmethod
    def begin(cls, path: Path | str, config: Mapping[str, Any], fill: Callable[[Self], None]) -> Self:
        """As `create`, but a new run appears at `path` at once, holding what `fill` wrote into it: whatever is killed
        on the way, there is no run, or one that can be gone on with. `fill` is called for a run that is there, too.
        """
        path = Path(path)
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            beside = path.absolute().with_name(f".{path.absolute().name}.begun")
            shutil.rmtree(beside, ignore_errors=True)
            fill(cls.create(beside, config))
            with disk.writing(path):
                os.replace(beside, path)
                disk.sync_folder(path.absolute().parent)
        run = cls.create(path, config)
        fill(run)
        return run

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """The run at `path`.

        Raises `RunError` if there is none, `RunVersionError` if another format, `RunCorruptError` if damaged.
        """
        return cls(Path(path), manifest.read(Path(path)))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer. Every write takes it by itself; take it around many to keep others out between them.

        Raises `RunError` naming the process that holds it. A holder that died holds nothing. For one thread.
        """
        if not self._depth:
            self._handle = lock.take(self.path / ".lock")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                lock.release(self._handle)

    # --- shards ------------------------------------------------------------------------------------------------------

    def append(
        self,
        family: str,
        items: Sequence[str],
        table: pa.Table,
        arrays: Mapping[str, np.ndarray] | None = None,
        dtypes: Mapping[str, str] | None = None,
    ) -> None:
        """Commit the rows of some work items as one shard; a shard already committed is left as it is.

        `arrays` are (rows, …) floats, stored as `dtypes[name]` ("float32", "float16" or "bfloat16"; float32 if not
        given). `items` are unique in the family. Raises `RunError` if anything does not fit, `DiskFullError`.
        """
        items, arrays = tuple(items), arrays or {}
        sid = shard_id(self._config_hash, check_name(family), items)
        name = f"{family}-{sid}"
        with self.lock():
            shards = self._family(family)
            if any(s.name == name for s in shards):
                return
            columns = {f.name: str(f.type) for f in table.schema}
            stored = {a: f"{(dtypes or {}).get(a, 'float32')}{list(x.shape[1:])}" for a, x in sorted(arrays.items())}
            _check_rows(table.num_rows, arrays)
            _check_shard(shards, items, columns, stored)
            parts = {f"data/{name}.parquet": parquet.pack(table)}
            if arrays:
                parts[f"data/{name}.safetensors"] = tensors.pack(arrays, dtypes or {})
            for file, data in parts.items():
                disk.write_bytes(self.path / file, data)
            stamps = {file: stamp_of(data) for file, data in parts.items()}
            write_commit(self.path, Commit(name, stamps, family, items, table.num_rows, columns, stored))

    def done(self, family: str) -> set[str]:
        """The work items of a family that are committed: what is left to do is the set difference."""
        return {item for shard in self._family(family) for item in shard.items}

    def shards(self, family: str) -> list[tuple[str, ...]]:
        """The work items of each shard of a family, in the order of `table`: what to read a part at a time by."""
        return [shard.items for shard in self._family(family)]

    def families(self) -> tuple[str, ...]:
        """The families that have a shard, sorted."""
        return tuple(sorted({str(c.family) for c in self._commits()}))

    def array_names(self, family: str) -> tuple[str, ...]:
        """The arrays of a family, sorted."""
        return tuple(sorted(self._some(family)[0].arrays))

    def table(
        self, family: str, columns: Sequence[str] | None = None, *, items: Sequence[str] | None = None
    ) -> pa.Table:
        """All rows of a family (or some columns of them, or only of the shards that hold some of `items`).

        Shards come in the order of their first work item as text, whenever they were written: pad numbers with zeros.
        Raises `RunIncompleteError` if it has none, `RunError` for an unknown column, `RunCorruptError`.
        """
        shards = self._some(family, items)
        unknown = [c for c in columns or () if c not in shards[0].columns]
        if unknown:
            raise RunError(f"{family} has no column {unknown[0]!r}; it has {', '.join(shards[0].columns)}")
        return parquet.read([self._whole(s, ".parquet") for s in shards], columns)

    def arrays(self, family: str, name: str, *, items: Sequence[str] | None = None) -> np.ndarray:
        """One array of a family as (rows, …) float32; row i belongs to row i of `table(family, items=items)`."""
        shards = self._some(family, items)
        if name not in shards[0].arrays:
            raise RunError(f"{family} has no array {name!r}; it has {', '.join(shards[0].arrays) or 'none'}")
        return np.concatenate([tensors.unpack(self._whole(s, ".safetensors"), name) for s in shards])

    def query(self, sql: str) -> pa.Table:
        """The answer to SQL over the families, each a table of its own name (quoted if it holds a "-").

        In memory and sandboxed: the query reaches no file, no network and no setting. Raises `RunError`.
        """
        return parquet.query(sql, {f: [self._whole(s, ".parquet") for s in self._family(f)] for f in self.families()})

    # --- documents and folders ---------------------------------------------------------------------------------------

    def write_document(self, name: str, content: Any) -> None:
        """Commit JSON as RUN/<name>.json in place of the one before. Raises `RunError` if not strict JSON."""
        try:
            data = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError) as error:
            raise RunError(
                f"document {name!r} is not strict JSON ({error}); write what could not be judged as null"
            ) from error
        target = self.path / f"{_free(name)}.json"
        commit = Commit(name, {target.name: stamp_of(data)})
        with self.lock():
            if not self._stands(commit):
                replace_commit(self.path, commit, disk.stage(target, data), target)

    def read_document(self, name: str) -> Any:
        """The content of RUN/<name>.json. Raises `RunIncompleteError` if not yet committed, `RunCorruptError`."""
        return json.loads(self._checked(name, f"{name}.json").read_bytes())

    @contextmanager
    def write_folder(self, name: str) -> Iterator[Path]:
        """An empty directory to fill; at the end of the block it is committed as RUN/<name>/ in place of the old one.

        If the block raises, nothing changes.
        """
        target = self.path / _free(name)
        staged = self.path / f"{disk.TEMPORARY}{os.getpid()}-{name}"
        with self.lock():
            disk.remove(staged)
            disk.make_folder(staged)
            try:
                with disk.writing(target):
                    yield staged
                    disk.seal(staged)
                files = sorted(p for p in staged.rglob("*") if p.is_file())
                stamps = {f"{name}/{p.relative_to(staged).as_posix()}": stamp_file(p) for p in files}
                if not stamps:
                    raise RunError(f"folder {name!r} is empty; write a file into it")
                if not self._stands(commit := Commit(name, stamps)):
                    replace_commit(self.path, commit, staged, target)
            finally:
                disk.remove(staged)

    def folder(self, name: str) -> Path:
        """The committed directory RUN/<name>/. Raises `RunIncompleteError` if there is none yet, `RunCorruptError`."""
        return self._checked(name, f"{name}/")

    def has(self, name: str) -> bool:
        """Whether a document or folder is committed."""
        return path_of(self.path, check_name(name)).exists()

    # --- journals ----------------------------------------------------------------------------------------------------

    def log(self, name: str, record: Mapping[str, Any]) -> None:
        """Add a line to RUN/log/<name>.jsonl; it is on the disk before this returns. Never waits for another writer.

        Raises `RunError` if the record is not strict JSON, `DiskFullError`.
        """
        journal.append(self._log(name), record)

    def logged(self, name: str) -> list[dict[str, Any]]:
        """The lines of RUN/log/<name>.jsonl in the order they were added; a line that a kill cut short is left out."""
        return list(journal.read(self._log(name)))

    def _log(self, name: str) -> Path:
        return self.path / "log" / f"{check_name(name)}.jsonl"

    # --- care --------------------------------------------------------------------------------------------------------

    def verify(self) -> int:
        """Read every committed file again and compare it with its hash; the number of files if all is well.

        Raises `RunCorruptError` listing every fault.
        """
        return care.verify(self.path, self._config_hash)

    def gc(self) -> list[str]:
        """Delete what no commit record names (left by kills); the paths within the run that went."""
        with self.lock():
            return care.sweep(self.path, self._commits())

    # --- records -----------------------------------------------------------------------------------------------------

    def _commits(self) -> list[Commit]:
        """The records of all shards."""
        names = [p.stem for p in (self.path / "commit").glob("*.json") if names_shard(p.stem)]
        for name in names:
            if name not in self._shards:
                self._shards[name] = read_commit(path_of(self.path, name))
        return [self._shards[name] for name in names]

    def _family(self, family: str) -> list[Commit]:
        check_name(family)
        return sorted((c for c in self._commits() if c.family == family), key=lambda c: c.items)

    def _some(self, family: str, items: Sequence[str] | None = None) -> list[Commit]:
        shards = self._family(family)
        if items is not None:
            shards = [s for s in shards if not set(items).isdisjoint(s.items)]
        if not shards:
            there = ", ".join(self.families()) or "nothing"
            what = family if items is None else f"{family} of {', '.join(items)}"
            raise RunIncompleteError(f"{self.path} has no {what} yet (it has {there}); `forepath resume {self.path}`")
        return shards

    def _whole(self, shard: Commit, suffix: str) -> Path:
        """The path of a shard's file, if it is there and of its full size: cheap, and finds what is torn."""
        file = f"data/{shard.name}{suffix}"
        path = self.path / file
        size = path.stat().st_size if path.is_file() else 0
        if size != shard.files[file].bytes:
            raise RunCorruptError(
                f"{path} has {size} bytes, its commit record says {shard.files[file].bytes}; restore it, or delete "
                f"commit/{shard.name}.json and `forepath resume {self.path}`"
            )
        return path

    def _checked(self, name: str, place: str) -> Path:
        """Where a document or folder is, whole; `place` says which of the two is wanted."""
        if not self.has(name):
            raise RunIncompleteError(f"{self.path} has no {name} yet; `forepath resume {self.path}`")
        commit = read_commit(path_of(self.path, name))
        if not all(file.startswith(place) for file in commit.files):
            raise RunError(f"{name} of {self.path} is {', '.join(commit.files)}, not {place}; read it as what it is")
        if wrong := faults(self.path, commit):
            raise RunCorruptError(
                f"{self.path}: {'; '.join(wrong)}; restore it, or delete commit/{name}.json and "
                f"`forepath resume {self.path}`"
            )
        return self.path / place

    def _stands(self, commit: Commit) -> bool:
        """Whether a document or folder is there already, whole and the same."""
        if not self.has(commit.name):
            return False
        return read_commit(path_of(self.path, commit.name)) == commit and not faults(self.path, commit)


def _free(name: str) -> str:
    """`name` if a document or folder may have it. Raises `RunError`."""
    if check_name(name) in ("run", "data", "commit"):
        raise RunError(f"{name!r} is the run's own; name the document or folder otherwise")
    if names_shard(name):
        raise RunError(f"{name!r} is named like a shard; name the document or folder without '-' and 16 hex digits")
    return name


def _check_rows(rows: int, arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.ndim == 0 or array.shape[0] != rows:
            raise RunError(f"array {name!r} is {array.shape}; wanted one row for each of the table's {rows}")


def _check_shard(
    shards: Sequence[Commit], items: tuple[str, ...], columns: Mapping[str, str], arrays: Mapping[str, str]
) -> None:
    """Raises `RunError` if a new shard does not fit the family."""
    if not items or len(set(items)) != len(items):
        raise RunError(f"a shard needs one or more different work items, not {list(items)[:5]}")
    twice = sorted(set(items) & {i for s in shards for i in s.items})
    if twice:
        raise RunError(f"work items {twice[:5]} are already committed in another composition; leave them out")
    if shards and (dict(shards[0].columns), dict(shards[0].arrays)) != (dict(columns), dict(arrays)):
        raise RunError(
            f"the family has columns {shards[0].columns} and arrays {shards[0].arrays}, this shard {columns} and "
            f"{arrays}; write it as another family"
        )
