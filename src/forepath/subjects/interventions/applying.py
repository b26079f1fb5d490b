"""An intervention on one subject, from record to running hooks and back: `prepare`, then `active`.

Hooks are ordinary forward hooks and stand only while `active`; weights are swapped by reference and put back. Two
streams of one subject may so be read in turn, one changed and one not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from forepath.records import Intervention
from forepath.subjects.interventions.changes import INSIDE, Change, prepare
from forepath.subjects.interventions.making import describe
from forepath.subjects.interventions.scene import Scene
from forepath.subjects.interventions.touches import Touched, Touches, require
from forepath.subjects.interventions.weights import Swap, swapped

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject


class Applied:
    """The parts of an intervention, ready to be put on and taken off a subject; with the counts of one use."""

    def __init__(self, subject: HuggingFaceSubject, parts: Sequence[Intervention]) -> None:
        """Reads what the parts need (vectors, means, weights). Raises `InterventionError`."""
        self.names = [describe(part) for part in parts]
        self.scene = Scene()
        self._model: Any = subject.model
        self._subject = subject.name
        self._late = {n for n, part in enumerate(parts) if part.params.get("where") == "written"}
        self._changes: list[tuple[int, Change]] = []
        self._swap: Swap = {}
        self._weights: list[int] = []
        for n, part in enumerate(parts):
            if part.kind in INSIDE:
                self._changes.append((n, prepare(subject, part)))
            else:
                self._swap = swapped(subject, part, self._swap)
                self._weights.append(n)

    @contextmanager
    def active(self, touched: Sequence[Touched]) -> Iterator[None]:
        """Within, every forward pass announced to `scene` is changed, and counted in `touched`, one count per part."""
        view: list[Any] = [None]

        def enter(_: Any, args: Any, kwargs: Any) -> None:
            ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
            view[0] = self.scene.view(*ids.shape)
            for n in self._weights:  # weights change every position
                touched[n].add(view[0].real, view[0].written)

        before = {}
        handles: list[Any] = []
        try:
            for parameter, data in self._swap.items():
                before[parameter] = parameter.data
                parameter.data = data
            handles.append(self._model.register_forward_pre_hook(enter, with_kwargs=True))
            for n, change in self._changes:
                handles += change.target.hook(_counted(change, touched[n], view))
            yield
        finally:
            for handle in handles:
                handle.remove()
            for parameter, data in before.items():
                parameter.data = data

    def require(self, touched: Sequence[Touched], *, wrote: bool) -> None:
        """Raises `InterventionError` where a part changed nothing; without `wrote`, those for written tokens may."""
        require([t for n, t in enumerate(touched) if wrote or n not in self._late], self._subject)


class Use:
    """One use of an intervention, or of none: what a stream tells it, and what it counts."""

    def __init__(self, applied: Applied | None, touches: Touches | None) -> None:
        self._applied, self._touches = applied, touches or Touches()
        self._fresh: list[Touched] = self._touches.prepare(applied.names) if applied else []

    def active(self) -> AbstractContextManager[None]:
        """Within, forward passes are changed."""
        return self._applied.active(self._fresh) if self._applied else nullcontext()

    def reading(self, prompts: Sequence[Sequence[int]]) -> None:
        """These prompts are read next."""
        if self._applied:
            self._applied.scene.reading(prompts)

    def writing(self, lengths: np.ndarray, step: int, seeds: np.ndarray) -> None:
        """Each row's token of `step` is read next; `lengths` (rows,) of their prompts, `seeds` (rows,)."""
        if self._applied:
            self._applied.scene.writing(lengths, step, seeds)

    def finish(self, *, wrote: bool) -> None:
        """Nothing follows. `wrote`: a part that acts on written tokens only has had its chance."""
        if self._applied:
            self._applied.require(self._fresh, wrote=wrote)
            self._touches.gather(self._fresh)


def _counted(change: Change, touched: Touched, view: list[Any]) -> Any:
    def edit(value: torch.Tensor) -> torch.Tensor:
        mask: np.ndarray = change.where(view[0])
        everywhere = mask is view[0].real and view[0].full
        if not everywhere and not mask.any():
            return value
        touched.add(mask, view[0].written, everywhere=everywhere)
        flat = value.shape[:-1] != mask.shape  # OPT hands rows and positions to its MLP as one axis
        whole = value.reshape(*mask.shape, -1) if flat else value
        changed = change.values(whole, view[0]).to(value.dtype)
        if not everywhere and not mask.all():
            changed = torch.where(torch.from_numpy(mask).to(value.device)[..., None], changed, whole)
        return changed.reshape(value.shape) if flat else changed

    return edit
