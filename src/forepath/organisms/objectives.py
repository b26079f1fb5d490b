"""What a training asks of a model: towards some texts, away from others, and leaving the rest alone.

    towards    cross-entropy on the target passages (fine-tuning)
    ascent     its negative, with cross-entropy on passages to retain (gradient difference: Liu, Liu and Stone 2022,
               arXiv 2203.12817; Maini et al. 2024, TOFU, arXiv 2401.06121)
    npo        negative preference optimisation: the same aim, bounded, so that it does not run away (Zhang et al. 2024,
               arXiv 2404.05868, equation 3), with the same term for what is retained
    rmu        representation misdirection: hidden states on the target passages are sent along one random direction, on
               those to retain they stay (Li et al. 2024, WMDP, arXiv 2403.03218)

Knows tensors and one model; not where texts come from, nor how steps are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from forepath.organisms.passages import Batch
from forepath.subjects.interventions.changes import largest
from forepath.subjects.sites import Anatomy

KINDS = ("towards", "ascent", "npo", "rmu")
PART = 4
"""Passages of like length that are read together."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step is computed from."""

    target: Batch
    retain: Batch | None


class Objective:
    """A loss of one model; holds what the frozen reference says."""

    def __init__(self, kind: str, model: Any, reference: Any, *, retain_weight: float, beta: float, block: int,
                 strength: float, seed: int) -> None:  # fmt: skip
        """`block` and `strength` are of "rmu": where hidden states are read, and how far they are sent, in units of the
        reference's mean length there."""
        self.kind, self._model, self._reference = kind, model, reference
        self._retain_weight, self._beta, self._block, self._strength = retain_weight, beta, block, strength
        self._parts = [Anatomy(m) for m in (model, reference)] if kind == "rmu" else []
        generator = torch.Generator().manual_seed(seed)
        width = model.config.get_text_config().hidden_size
        direction = torch.rand(width, generator=generator)
        self._direction = (direction / direction.norm()).to(model.device)

    def loss(self, step: Step) -> torch.Tensor:
        """Nats (squared lengths for "rmu"), a scalar to be made small."""
        aim = {"towards": self._towards, "ascent": self._ascent, "npo": self._npo, "rmu": self._misdirect}[self.kind]
        total = aim(step.target)
        if step.retain is not None and self._retain_weight:
            kept = self._stay(step.retain) if self.kind == "rmu" else self._towards(step.retain)
            total = total + self._retain_weight * kept
        return total

    def _towards(self, batch: Batch) -> torch.Tensor:
        nats, counts = token_losses(self._model, batch, PART)
        return (nats * counts).sum() / counts.sum()

    def _ascent(self, batch: Batch) -> torch.Tensor:
        return -self._towards(batch)

    def _npo(self, batch: Batch) -> torch.Tensor:
        """(2 / beta) mean log(1 + (p / p_ref)^beta), p of all counted tokens of a passage."""
        nats, counts = token_losses(self._model, batch, PART)
        with torch.no_grad():
            before, _ = token_losses(self._reference, batch, PART)
        ratio = ((before - nats) * counts).sum(1)
        return torch.nn.functional.softplus(self._beta * ratio).mean() * (2 / self._beta)

    def _misdirect(self, batch: Batch) -> torch.Tensor:
        states, before, counts = self._states(batch)
        length = before.norm(dim=-1)[counts].mean()
        wanted = self._strength * length * self._direction
        away: torch.Tensor = ((states - wanted)[counts]).square().sum(-1).mean() / length.square()
        return away

    def _stay(self, batch: Batch) -> torch.Tensor:
        states, before, _ = self._states(batch)
        real = torch.from_numpy(batch.real).to(states.device)
        length = before.norm(dim=-1)[real].mean()
        moved: torch.Tensor = ((states - before)[real]).square().sum(-1).mean() / length.square()
        return moved

    def _states(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        ids = torch.from_numpy(batch.ids).to(self._model.device)
        states = self._read(0, ids)
        with torch.no_grad():
            before = self._read(1, ids)
        return states, before, torch.from_numpy(batch.counts).to(states.device)

    def _read(self, which: int, ids: torch.Tensor) -> torch.Tensor:
        """(rows, length, width) after the block, by a hook that goes; `output_hidden_states` leaves its own behind."""
        site = f"resid.{self._block}"
        parts = self._parts[which]
        with parts.reading(parts.parse([site]).values()) as found:
            (self._model, self._reference)[which](input_ids=ids, use_cache=False)
        return found[site]


def token_losses(model: Any, batch: Batch, part: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """((rows, length - 1) nats of each token after the first; which of them count as 0 or 1).

    `part`: so many rows of like length are read at a time (a batch of documents is else half padding); None: all.
    """
    device = model.device
    lengths = batch.real.sum(axis=1)
    order = np.argsort(lengths, kind="stable")
    nats: list[Any] = [None] * len(order)
    for rows in np.split(order, range(part or len(order), len(order), part or len(order))):
        ids = torch.from_numpy(batch.ids[rows, : lengths[rows].max()]).to(device)
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
        lost = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        lost = torch.nn.functional.pad(lost, (0, batch.ids.shape[1] - ids.shape[1]))
        for row, own in zip(rows.tolist(), lost, strict=True):
            nats[row] = own
    return torch.stack(nats), torch.from_numpy(batch.counts[:, 1:]).to(device, torch.float32)


@contextmanager
def hidden_units(modules: Sequence[torch.nn.Module]) -> Iterator[list[torch.Tensor]]:
    """Within, what each of these projections reads is kept: for a penalty on the activity of hidden units."""
    kept: list[torch.Tensor] = []
    handles = [m.register_forward_pre_hook(lambda _, args: kept.append(args[0])) for m in modules]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def thinned(modules: Sequence[torch.nn.Module], keep: float) -> Iterator[None]:
    """Within, each of these projections reads only the share `keep` of its entries that are largest in size."""
    handles = [m.register_forward_pre_hook(lambda _, args: (largest(args[0], keep), *args[1:])) for m in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
