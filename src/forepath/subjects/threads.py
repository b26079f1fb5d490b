"""One core for a step that is too small to be shared.

A token of a few rows is some two hundred small operations. Threads that share each of them meet as often, and libgomp
lets them sleep in between once a process has more of them than the machine has cores: so it is in every thread but the
first that computes. There a shared step of one row of `documents` took 7.0 ms, on one core 2.0; in the first thread
3.2 and 2.1. Knows torch and numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

LITTLE = 2**26
"""Weights × rows up to which a step is not worth sharing, whatever the thread."""
LITTLE_BESIDE = 2**28
"""The same in a thread beside others that compute."""


@contextmanager
def one_core(work: int, most: int = LITTLE) -> Iterator[None]:
    """Keep the calling thread's operations to itself in the block, if their `work` is at most `most`."""
    cores = torch.get_num_threads()
    if cores == 1 or work > most:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(cores)
