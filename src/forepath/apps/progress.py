"""A progress bar with rate and time left, on stderr; a line now and then where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

EVERY = 30.0
"""Seconds between the lines of long work where there is no terminal."""


class Report(Protocol):
    """How long work says how far it is."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None: ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """A `Report` that shows nothing."""


@contextmanager
def progress() -> Iterator[Report]:
    """A `Report` that draws one bar per stage while the block runs."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(file=sys.stderr)
    bars = Progress(
        TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal,
    )  # fmt: skip
    tasks: dict[str, int] = {}
    said = time.monotonic()

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        nonlocal said
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=total, note=note)
        bars.update(tasks[stage], completed=done, total=total, note=note)  # type: ignore[arg-type]
        if not console.is_terminal and (done == total or time.monotonic() - said > EVERY):
            said = time.monotonic()
            print(f"{stage}: {done} of {total} {note}".rstrip(), file=sys.stderr)

    with bars:
        yield report
