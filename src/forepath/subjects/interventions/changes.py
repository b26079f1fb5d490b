"""What is done to the values at a place: from a record to a function of (rows, positions, width) and a pass's view.

Each is prepared once per subject (vectors and means are read then) and knows neither hooks nor counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from forepath.errors import InterventionError
from forepath.records import Intervention
from forepath.subjects.interventions.scene import View, where_mask
from forepath.subjects.interventions.targets import Target, check_additive, find, parse
from forepath.subjects.interventions.vectors import difference, read, resolve
from forepath.subjects.noise import uniforms

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

_SALT = np.uint64(0x5851F42D4C957F2D)
"""Keeps the draws of a resampling apart from those of the tokens."""

Values = Callable[[torch.Tensor, View], torch.Tensor]
"""(rows, positions, width), the pass -> the same shape, changed at every position."""


@dataclass(frozen=True, slots=True)
class Change:
    """One part of an intervention, ready."""

    target: Target
    values: Values
    where: Callable[[View], np.ndarray]
    """The pass -> (rows, positions) bool: the positions to change; the others keep their values."""
    everywhere: bool = False
    """Whether that is all of them, whatever the pass."""


def prepare(subject: HuggingFaceSubject, part: Intervention) -> Change:
    """Raises `InterventionError` for a place this model lacks or numbers that do not fit it."""
    target = find(subject.model, subject.anatomy, part.site)
    where = part.params.get("where", "all")
    values = _MAKERS[part.kind](subject, target, part)
    if part.kind == "actadd":
        return Change(target, values, lambda view: where_mask("prompt", view) & (view.positions < values.reach))  # type: ignore[attr-defined]
    if part.kind == "patch":
        where = part.params.get("positions", [-1])
    return Change(target, values, lambda view: where_mask(where, view), everywhere=where == "all")


def _ablate(subject: HuggingFaceSubject, target: Target, part: Intervention) -> Values:
    name = parse(part.site)
    if name.kind in ("attn_out", "mlp_out"):
        check_additive(subject.model, subject.anatomy, name.block)
    instead = _instead(subject, target, part)
    if "along" not in part.params:
        return instead
    basis = _basis(subject, target, part.params["along"])

    def values(value: torch.Tensor, view: View) -> torch.Tensor:
        span = basis.to(value.dtype)
        out: torch.Tensor = value + ((instead(value, view) - value) @ span) @ span.T
        return out

    return values


def _instead(subject: HuggingFaceSubject, target: Target, part: Intervention) -> Values:
    """What stands in the place of what is ablated."""
    how = part.params["how"]
    if how == "zero":
        return lambda value, view: torch.zeros_like(value)
    pool = torch.cat(read(subject, target, part.params["texts"]))
    if how == "mean":
        mean = pool.mean(0)
        return lambda value, view: mean.to(value.dtype).expand_as(value)
    return _Resample(pool)


def _basis(subject: HuggingFaceSubject, target: Target, vectors: Sequence[Any]) -> torch.Tensor:
    """(width, dimensions) orthonormal, of what the vectors span: those that depend on one another span less."""
    spanning = torch.stack([resolve(subject, target, v) for v in vectors])
    left, size, _ = torch.linalg.svd(spanning.T, full_matrices=False)
    basis: torch.Tensor = left[:, size > 1e-6 * size[0]]
    return basis


class _Resample:
    """Every position gets that of a random position of the reference texts."""

    def __init__(self, pool: torch.Tensor) -> None:
        self._pool = pool

    def __call__(self, value: torch.Tensor, view: View) -> torch.Tensor:
        first = view.positions[:, 0]
        numbers = np.empty(view.positions.shape)
        for column in range(view.positions.shape[1]):
            for start in np.unique(first):
                mine = first == start
                numbers[mine, column] = uniforms(view.keys[mine] ^ _SALT, int(start) + column)
        picked = torch.from_numpy((numbers * len(self._pool)).astype(np.int64)).to(value.device)
        values: torch.Tensor = self._pool.to(value.dtype)[picked]
        return values


def _add(subject: HuggingFaceSubject, target: Target, part: Intervention) -> Values:
    shift = resolve(subject, target, part.params["vector"]) * part.params.get("coefficient", 1.0)
    return lambda value, view: value + shift.to(value.dtype)


class _ActAdd:
    """A vector per position, from the beginning of the prompt on."""

    def __init__(self, shifts: torch.Tensor) -> None:
        self._shifts = shifts
        self.reach = len(shifts)

    def __call__(self, value: torch.Tensor, view: View) -> torch.Tensor:
        at = torch.from_numpy(view.positions.clip(max=self.reach - 1)).to(value.device)
        moved: torch.Tensor = value + self._shifts.to(value.dtype)[at]
        return moved


def _actadd(subject: HuggingFaceSubject, target: Target, part: Intervention) -> Values:
    shifts = difference(subject, target, part.params["positive"], part.params["negative"])
    return _ActAdd(shifts * part.params.get("coefficient", 1.0))


def _clamp(subject: HuggingFaceSubject, target: Target, part: Intervention) -> Values:
    direction = resolve(subject, target, part.params["vector"])
    direction = direction / direction.norm()
    wanted = part.params["value"]

    def values(value: torch.Tensor, view: View) -> torch.Tensor:
        along = direction.to(value.dtype)
        out: torch.Tensor = value + (wanted - value @ along)[..., None] * along
        return out

    return values


def _project_out(subject: HuggingFaceSubject, target: Target, part: Intervention) -> Values:
    basis = _basis(subject, target, part.params["vectors"])

    def values(value: torch.Tensor, view: View) -> torch.Tensor:
        span = basis.to(value.dtype)
        out: torch.Tensor = value - (value @ span) @ span.T
        return out

    return values


def _sparsify(subject: HuggingFaceSubject, target: Target, part: Intervention) -> Values:
    keep = part.params["keep"]
    return lambda value, view: largest(value, keep)


def largest(value: torch.Tensor, keep: float) -> torch.Tensor:
    """(..., width) with only the share `keep` of entries, at least one, that are largest in size; the rest 0.

    >>> largest(torch.tensor([[1.0, -3.0, 0.5, 2.0]]), 0.5).tolist()
    [[0.0, -3.0, 0.0, 2.0]]
    """
    count = max(1, round(keep * value.shape[-1]))
    kept = value.abs().topk(count, dim=-1).indices
    return torch.zeros_like(value).scatter(-1, kept, value.gather(-1, kept))


def _patch(subject: HuggingFaceSubject, target: Target, part: Intervention) -> Values:
    source = read(subject, target, [part.params["source"]])[0]
    positions = part.params.get("positions", [-1])
    taken = part.params.get("source_positions", [-1])
    if wrong := [p for p in taken if not -len(source) <= p < len(source)]:
        raise InterventionError(f"the source prompt has {len(source)} positions; it has none at {wrong}")

    def values(value: torch.Tensor, view: View) -> torch.Tensor:
        out = value.clone()
        for position, origin in zip(positions, taken, strict=True):
            mask = torch.from_numpy(where_mask([position], view)).to(value.device)
            out[mask] = source[origin].to(value.dtype)
        return out

    return values


_MAKERS: dict[str, Callable[[HuggingFaceSubject, Target, Intervention], Values]] = {
    "ablate": _ablate,
    "add": _add,
    "actadd": _actadd,
    "clamp": _clamp,
    "project_out": _project_out,
    "sparsify": _sparsify,
    "patch": _patch,
}
INSIDE = frozenset(_MAKERS)
"""Kinds that change activations."""
