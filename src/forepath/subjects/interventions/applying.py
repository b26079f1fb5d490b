"""An intervention on one subject, from record to running hooks and back: `prepare`, then `active`.

Hooks are ordinary forward hooks and stand only while `active`; weights are swapped by reference and put back. Two
streams of one subject may so be read in turn, one changed and one not. Where nothing but weights is changed the fused
step may be taken, which reads them where they lie, once it is seen to be right with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from forepath.records import Intervention
from forepath.subjects.decoding import probe
from forepath.subjects.interventions.changes import INSIDE, Change, prepare
from forepath.subjects.interventions.making import describe
from forepath.subjects.interventions.scene import Scene, View
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
        self._sharing = subject.sharing
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

    @cached_property
    def fused(self) -> bool:
        """Whether the fused step is the model's own under this change: weights alone, and verified with them once."""
        if self._changes:
            return False
        with self._other_weights():
            return not probe(self._model, "fused")

    @contextmanager
    def active(self, touched: Sequence[Touched], *, fused: bool = False) -> Iterator[None]:
        """Within, every forward pass announced to `scene` is changed, and counted in `touched`, one count per part.

        `fused`: there is no pass to hook, but one fused step of all that was announced.
        """
        if fused:
            assert self.scene.whole is not None
            self._count(touched, self.scene.whole)
            with self._other_weights():
                yield
            return
        view: list[View] = []

        def enter(_: Any, args: Any, kwargs: Any) -> None:
            ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
            view[:] = [self.scene.view(ids.shape)]
            self._count(touched, view[0])

        # A change that is alone looks for itself what a pass holds; several share one look.
        alone = len(self._changes) == 1 and not self._weights
        look: Callable[[torch.Tensor], View] = (
            (lambda value: self.scene.view(value.shape[:-1])) if alone else lambda value: view[0]
        )
        handles: list[Any] = []
        try:
            if not alone:
                handles.append(self._model.register_forward_pre_hook(enter, with_kwargs=True))
            for n, change in self._changes:
                handles += change.target.hook(_counted(change, touched[n], look))
            with self._other_weights() if self._swap else nullcontext():
                yield
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def _other_weights(self) -> Iterator[None]:
        before = {}
        with self._sharing.changing():
            try:
                for parameter, data in self._swap.items():
                    before[parameter] = parameter.data
                    parameter.data = data
                yield
            finally:
                for parameter, data in before.items():
                    parameter.data = data

    def _count(self, touched: Sequence[Touched], view: View) -> None:
        """Weights change every position."""
        for n in self._weights:
            if view.full:
                touched[n].add_all(view.rows, view.width, view.written)
            else:
                touched[n].add(view.real, view.written)

    def require(self, touched: Sequence[Touched], *, wrote: bool) -> None:
        """Raises `InterventionError` where a part changed nothing; without `wrote`, those for written tokens may."""
        require([t for n, t in enumerate(touched) if wrote or n not in self._late], self._subject)


class Use:
    """One use of an intervention, or of none: what a stream tells it, and what it counts."""

    def __init__(self, applied: Applied | None, touches: Touches | None) -> None:
        self._applied, self._touches = applied, touches or Touches()
        self._fresh: list[Touched] = self._touches.prepare(applied.names) if applied else []

    @property
    def some(self) -> bool:
        """Whether there is an intervention."""
        return self._applied is not None

    @property
    def fused(self) -> bool:
        """Whether fused steps are right under it."""
        return self._applied is None or self._applied.fused

    def reading(self, prompts: Sequence[Sequence[int]]) -> AbstractContextManager[None]:
        """Within, these prompts are read, under the change. For the holder of the subject's lock: others may use the
        same parts at the same time."""
        if self._applied is None:
            return nullcontext()
        self._applied.scene.reading(prompts)
        return self._applied.active(self._fresh)

    def writing(
        self, lengths: np.ndarray, step: int, seeds: np.ndarray, *, fused: bool = False
    ) -> AbstractContextManager[None]:
        """Within, each row's token of `step` is read, by forward passes or one `fused` step; as `reading`.

        `lengths` (rows,) of their prompts, `seeds` (rows,).
        """
        if self._applied is None:
            return nullcontext()
        self._applied.scene.writing(lengths, step, seeds)
        return self._applied.active(self._fresh, fused=fused)

    def finish(self, *, wrote: bool) -> None:
        """Nothing follows. `wrote`: a part that acts on written tokens only has had its chance."""
        if self._applied:
            self._applied.require(self._fresh, wrote=wrote)
            self._touches.gather(self._fresh)


def _counted(change: Change, touched: Touched, look: Callable[[torch.Tensor], View]) -> Any:
    def edit(value: torch.Tensor) -> torch.Tensor:
        view = look(value)
        if change.everywhere and view.full:
            touched.add_all(view.rows, view.width, view.written)
            mask = None
        else:
            mask = change.where(view)
            if not mask.any():
                return value
            touched.add(mask, view.written)
        flat = value.ndim < 3  # OPT hands rows and positions to its MLP as one axis
        whole = value.reshape(view.rows, view.width, -1) if flat else value
        changed = change.values(whole, view).to(value.dtype)
        if mask is not None and not mask.all():
            changed = torch.where(torch.from_numpy(mask).to(value.device)[..., None], changed, whole)
        return changed.reshape(value.shape) if flat else changed

    return edit
