"""Checking and sweeping a run. Knows commit records and files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from forepath.errors import RunCorruptError
from forepath.store.commits import Commit, faults, read_commit, shard_id
from forepath.store.disk import TEMPORARY, remove


def verify(root: Path, config_hash: str) -> int:
    """The number of committed files, all of which match their hash. Raises `RunCorruptError` listing every fault."""
    wrong: list[str] = []
    number = 0
    seen: set[tuple[str, str]] = set()
    for path in sorted((root / "commit").glob("[!.]*.json")):
        try:
            commit = read_commit(path)
        except RunCorruptError as error:
            wrong.append(str(error))
            continue
        number += len(commit.files)
        wrong += faults(root, commit)
        if commit.name != path.stem:
            wrong.append(f"{path.name} is the record of {commit.name}")
        if commit.family is not None:
            if commit.name != f"{commit.family}-{shard_id(config_hash, commit.family, commit.items)}":
                wrong.append(f"{path.name} is not of this run's config")
            held = {(commit.family, item) for item in commit.items}
            wrong += [f"{item} of {family} is committed twice" for family, item in sorted(held & seen)]
            seen |= held
    if wrong:
        raise RunCorruptError(
            f"{root}: {len(wrong)} faults: {'; '.join(wrong)}. Restore the files, or delete the commit record of each "
            f"and `forepath resume {root}`"
        )
    return number


def sweep(root: Path, commits: Iterable[Commit]) -> list[str]:
    """Delete what no record names; the paths within the run that went, sorted."""
    kept = {file for commit in commits for file in commit.files}
    orphans = [f"data/{p.name}" for p in (root / "data").iterdir() if f"data/{p.name}" not in kept]
    for folder in (root, root / "commit"):
        orphans += [p.relative_to(root).as_posix() for p in folder.iterdir() if p.name.startswith(TEMPORARY)]
    for name in orphans:
        remove(root / name)
    return sorted(orphans)
