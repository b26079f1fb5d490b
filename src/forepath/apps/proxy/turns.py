"""What writes a request: shared steps, or a stream of its own. Knows subjects, not requests of the API.

A subject's `joint` writes many at once; of a subject without one, every request has an `InTurn`. The three verbs are
the same, so the engine need not know which it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from forepath.protocols import Subject
from forepath.records import Policy, Step


class Writer(Protocol):
    """Writes many requests: `subjects.joint.Joint`, or `InTurn`."""

    def add(self, subject: Any, prompt: str, seeds: Sequence[int], policy: Policy, capture: Sequence[str]) -> Any:
        """A request to be written from the next step on. Raises what is wrong with it."""
        ...

    def step(self, requests: Sequence[Any]) -> Mapping[Any, Step | Exception]:
        """A step of each; of one whose prompt is still to be read there may be none yet. What is raised concerns all,
        an exception handed back is the request's own: StopIteration if it is over."""
        ...

    def leave(self, request: Any) -> None:
        """The request is over, or wanted no longer."""
        ...


class InTurn:
    """Writes by `Subject.stream`; what cannot share its steps has one each, and takes its turn."""

    def add(
        self, subject: Subject, prompt: str, seeds: Sequence[int], policy: Policy, capture: Sequence[str]
    ) -> Iterator[Step]:
        """A stream with a row per seed."""
        return subject.stream([prompt] * len(seeds), seeds=seeds, policy=policy, capture=capture)

    def step(self, requests: Sequence[Iterator[Step]]) -> dict[Iterator[Step], Step | Exception]:
        """A step of each, one after the other."""
        return {stream: _next(stream) for stream in requests}

    def leave(self, request: Iterator[Step]) -> None:
        """Let go of what the stream holds."""
        close = getattr(request, "close", None)
        if close is not None:
            close()


def _next(stream: Iterator[Step]) -> Step | Exception:
    try:
        return next(stream)
    except Exception as error:  # this request's own; the others go on
        return error
