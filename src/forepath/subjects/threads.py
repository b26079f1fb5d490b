"""One core for a step that is too small to be shared.

A token of a few rows is some two hundred small operations. Threads that share each of them meet as often, and libgomp
lets them sleep in between once a process has more of them than the machine has cores: so it is in every thread but the
first that computes, the main one in most programs. One row of `documents` (2 million weights) on 1 | 2 cores, in ms a
step: elsewhere 2.0 | 7.0 (AMD EPYC) and 1.4 | 5.1 (Intel Xeon), in the first thread 2.1 | 3.2 and 1.4 | 1.0. One row of
32 million weights (Xeon): elsewhere 11.1 | 14.2, in the first 11.2 | 6.6. Knows torch and numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

LITTLE = 2**24
"""Weights × rows up to which a step is not worth sharing in the main thread."""
LITTLE_ELSEWHERE = 2**26
"""The same in any other thread."""
LITTLE_BESIDE = 2**28
"""The same in a thread beside others that compute."""


_mine = threading.local()
_usual = 1


def settled() -> int:
    """How many cores the calling thread has; what `one_core` set elsewhere meanwhile is not taken over.

    torch gives a thread, when it first computes there, what was set last in any thread. Call this before.
    """
    cores = torch.get_num_threads()
    if not getattr(_mine, "known", False):
        _mine.known = True
        if cores == 1 < _usual:
            torch.set_num_threads(_usual)
            cores = _usual
    return cores


def settle(cores: int) -> None:
    """Give the calling thread so many cores for good."""
    _mine.known = True
    torch.set_num_threads(cores)


@contextmanager
def one_core(work: int, elsewhere: int = LITTLE_ELSEWHERE) -> Iterator[None]:
    """Keep the calling thread's operations to itself in the block, if their `work` (weights × rows) is little.

    At most `LITTLE` in the main thread, at most `elsewhere` in others.
    """
    global _usual
    cores = settled()
    most = LITTLE if threading.current_thread() is threading.main_thread() else elsewhere
    if cores == 1 or work > most:
        yield
        return
    _usual = cores
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(cores)
