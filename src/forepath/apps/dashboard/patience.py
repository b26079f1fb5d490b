"""Writing to a run that another thread or process may be writing to for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from forepath.errors import RunError

SECONDS = 5.0
T = TypeVar("T")


def patiently(write: Callable[[], T], seconds: float = SECONDS) -> T:
    """What `write` returns; tried again for a while as long as the run is being written by somebody else.

    Raises what `write` raises; that the run is being written (`RunError`) only once `seconds` have passed.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return write()
        except RunError as error:
            if type(error) is not RunError or time.monotonic() >= until:
                raise
        time.sleep(0.02)
