"""One core for a step that is too small to be shared.

A token of a few rows is some two hundred small operations. Threads that share each of them meet as often, and libgomp
lets them sleep in between once a process has more of them than the machine has cores: so it is in every thread but the
first that computes. There a shared step of one row of `documents` took 7.0 ms, on one core 2.0; in the first thread
3.2 and 2.1. Knows torch and numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

LITTLE = 2**26
"""Weights × rows up to which a step is not worth sharing, whatever the thread."""
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
def one_core(work: int, most: int = LITTLE) -> Iterator[None]:
    """Keep the calling thread's operations to itself in the block, if their `work` is at most `most`."""
    global _usual
    cores = settled()
    if cores == 1 or work > most:
        yield
        return
    _usual = cores
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(cores)
