"""Independent fits side by side, one core each. They compute with NumPy, which lets go of the interpreter meanwhile.

Models are read, and torch trains, in the caller's thread only: hooks and random numbers are not to be shared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from forepath.apps.progress import Report

T = TypeVar("T")


def usable_cores() -> int:
    """Those this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def together(
    works: Sequence[tuple[str, Callable[[], T]]], *, stage: str, report: Report, cores: int | None = None
) -> list[T | Exception]:
    """What each of the named `works` returned or raised, in their order. `cores` None: all that are usable.

    Ctrl-C ends it once the works that have begun are done; those that have not are dropped.

    >>> from forepath.apps.progress import silent
    >>> together([("one", lambda: 1), ("two", lambda: 2)], stage="count", report=silent, cores=2)
    [1, 2]
    """
    found: dict[int, T | Exception] = {}
    wanted = min(cores or usable_cores(), len(works))
    if wanted < 2:
        for i, (name, work) in enumerate(works):
            report(stage, i, len(works), name)
            found[i] = _outcome(work)
    else:
        with _one_thread_each(), ThreadPoolExecutor(wanted) as pool:
            begun: dict[Future[T], int] = {pool.submit(work): i for i, (_, work) in enumerate(works)}
            try:
                for ended in as_completed(begun):
                    error = ended.exception()
                    if error is not None and not isinstance(error, Exception):
                        raise error
                    found[begun[ended]] = error if error is not None else ended.result()
                    report(stage, len(found) - 1, len(works), works[begun[ended]][0])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    report(stage, len(works), len(works))
    return [found[i] for i in range(len(works))]


def results(outcomes: Sequence[T | Exception]) -> list[T]:
    """All of them; raises the first that is an error."""
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, Exception)]


def _outcome(work: Callable[[], T]) -> T | Exception:
    try:
        return work()
    except Exception as error:
        return error


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """No work divides its matrix products among cores that the others use."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
