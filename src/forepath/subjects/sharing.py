"""A model's weights: many threads may read them at once, or one may change them for a while.

Steps with hooks keep each other out by themselves (`HuggingFaceSubject.alone`); fused steps of the unchanged model need
no hook and run side by side, but not while another thread has put other weights in the model's place.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Sharing:
    """Who changes waits for those who read, and those who come to read wait for who wants to change."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._readers = self._wanting = 0
        self._changing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nobody changes anything in the block."""
        with self._moved:
            self._moved.wait_for(lambda: not (self._changing or self._wanting))
            self._readers += 1
        try:
            yield
        finally:
            with self._moved:
                self._readers -= 1
                self._moved.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody reads in the block, and nobody else changes. Not to be asked for while reading."""
        with self._moved:
            self._wanting += 1
            try:
                self._moved.wait_for(lambda: not (self._changing or self._readers))
                self._changing = True
            finally:
                self._wanting -= 1
                self._moved.notify_all()  # those who come to read, if the wait was broken off
        try:
            yield
        finally:
            with self._moved:
                self._changing = False
                self._moved.notify_all()
