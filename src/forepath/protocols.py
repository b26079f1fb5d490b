"""The four doors. Anything with these methods plugs in; nothing needs to inherit. Contracts: `forepath.checks`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, Self

import numpy as np

from forepath.records import Forecast, Futures, Intervention, Policy, Step, Trajectory


class Subject(Protocol):
    """Something that writes: a model, an agent, or a whole society."""

    name: str
    fingerprint: str
    """Changes whenever the weights, tokenizer or anything else that decides what is written changes."""

    def stream(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int],
        policy: Policy = Policy(),
        capture: Sequence[str] = (),
        intervention: Intervention | None = None,
    ) -> Iterator[Step]:
        """Write one output per prompt, a step at a time. Row i depends on prompts[i] and seeds[i] only.

        Equal prompts side by side share their work; the prompt itself is read once.
        """
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids written by this subject."""
        ...


class Labeller(Protocol):
    """Cuts a trajectory into segments and names their themes."""

    def label(self, trajectory: Trajectory) -> Trajectory:
        """The same trajectory with `segments` filled in. Raises `LabellerError` where it cannot judge."""
        ...


class Forecaster(Protocol):
    """Predicts futures from activations. Knows nothing of models or text."""

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """`activations` (prompts, width), finite; `futures` of the same prompts."""
        ...

    def predict(self, activations: np.ndarray) -> Forecast:
        """Row i of the forecast depends on row i of `activations` only. Raises `UnfittedError` before `fit`."""
        ...


class Measure(Protocol):
    """Judges one trajectory. NaN means "could not judge"."""

    name: str

    def __call__(self, trajectory: Trajectory) -> float: ...
