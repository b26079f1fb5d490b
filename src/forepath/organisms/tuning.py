"""Change a trained model on purpose: fine-tune it on texts, unlearn some, or make it sparser; resumable.

The result is a directory that is an intervention by itself: `interventions.making.swap(out / "model")`, or of a
low-rank training `making.adapter(out / "adapter")`. Knows nothing of what the texts mean, nor whether it worked:
`effects` does.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forepath.errors import InputError, TrainingError
from forepath.organisms.passages import Passage, batch_of, encode_passages
from forepath.organisms.states import load_state, save_state
from forepath.organisms.training import Progress, has_bfloat16

if TYPE_CHECKING:
    import torch

    from forepath.subjects.huggingface import HuggingFaceSubject


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is trained and how long. Data: saved beside the result."""

    objective: str = "towards"
    """"towards", "ascent", "npo" or "rmu" (see `objectives`)."""
    steps: int = 200
    rate: float = 1e-4
    cooldown: float = 0.0
    """Over this last share of the steps the rate falls to zero, in a line. At a constant rate the last steps' noise
    stays in the weights, and moves what nobody aimed at."""
    rows: int = 8
    """Passages of each side per step."""
    retain_weight: float = 1.0
    """Of the passages to retain."""
    beta: float = 0.1
    """Of "npo": how soon a passage counts as unlearned."""
    block: int = 0
    """Of "rmu": after which block hidden states are sent away; 0 is the middle one. Only it and the two blocks before
    are trained."""
    strength: float = 4.0
    """Of "rmu": how far, in mean lengths of a hidden state."""
    rank: int = 0
    """Of low-rank adapters; 0 trains the weights themselves."""
    alpha: float = 16.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Names of the matrices that get an adapter."""
    l1: float = 0.0
    """Penalty on the mean absolute activity of the MLPs' hidden units."""
    keep: float = 1.0
    """Share of an MLP's hidden units that are on at a position, the largest; the others are zero while it trains. Let
    it write so too: `interventions.making.sparsify("hidden:1", keep)` for every block."""
    prune: float = 0.0
    """Share of every matrix's entries, the smallest, that are set to zero at the start and stay so."""
    longest: int = 512
    """Tokens of a passage."""
    bfloat16: bool = True
    """Matrix products in bfloat16 where the processor is faster so; weights and losses stay as they are."""
    seed: int = 0

    def __post_init__(self) -> None:
        from forepath.organisms.objectives import KINDS

        if self.objective not in KINDS:
            raise InputError(f"objective={self.objective!r}; wanted one of {', '.join(KINDS)}")
        shares = 0 <= self.prune < 1 and 0 < self.keep <= 1 and 0 <= self.cooldown <= 1
        if min(self.steps, self.rows, self.longest) < 1 or self.rate <= 0 or self.l1 < 0 or not shares:
            raise InputError(
                f"{self}: steps, rows, longest at least 1, rate above 0, prune in [0, 1), keep in (0, 1], cooldown in "
                "[0, 1], l1 at least 0"
            )
        if self.rank and (self.prune or self.objective == "rmu"):
            raise InputError("a low-rank training changes no weights: leave out prune, and rmu")


def rate_at(tuning: Tuning, step: int) -> float:
    """The rate of a step, counted from 0.

    >>> [rate_at(Tuning(steps=4, rate=1.0, cooldown=0.5), step) for step in range(4)]
    [1.0, 1.0, 1.0, 0.5]
    """
    falling = tuning.cooldown * tuning.steps
    return tuning.rate * (min(1.0, (tuning.steps - step) / falling) if falling else 1.0)


def tune(
    subject: HuggingFaceSubject,
    target: Sequence[Passage],
    retain: Sequence[Passage],
    out: Path,
    tuning: Tuning = Tuning(),
    *,
    checkpoint_seconds: float = 120.0,
    report: Callable[[Progress], None] | None = None,
) -> Path:
    """Train a copy of the subject's model, or go on where a killed training stopped; `out/model` or `out/adapter`.

    The subject itself stays as it is. Writes `out/state/` and `out/losses.jsonl` while it runs. Raises `InputError`
    without target passages, `TrainingError` if `out` holds another training or the loss is not finite.
    """
    import torch

    from forepath.organisms.objectives import Objective, Step

    out.mkdir(parents=True, exist_ok=True)
    encoded = encode_passages(subject.tokenizer, target, tuning.longest)
    kept = encode_passages(subject.tokenizer, retain, tuning.longest) if retain else []
    model = copy.deepcopy(subject.model).eval()  # as it writes: without dropout, where there is any
    block = tuning.block or max(1, len(subject.anatomy.blocks) // 2)
    trained, adapters, masks = _prepare(model, tuning, block)
    free = [p for p in trained.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(free, lr=tuning.rate, weight_decay=0.0)
    objective = Objective(tuning.objective, model, subject.model, retain_weight=tuning.retain_weight, beta=tuning.beta,
                          block=block, strength=tuning.strength, seed=tuning.seed)  # fmt: skip
    mark = {**asdict(tuning), "targets": list(tuning.targets), "subject": subject.fingerprint,
            "passages": [len(encoded), len(kept)]}  # fmt: skip
    first = load_state(out / "state", mark, trained, [optimiser])
    log = out / "losses.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)[:first] if log.exists() else []
    log.write_text("".join(lines), encoding="utf-8")
    saved = began = time.monotonic()
    for step in range(first, tuning.steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(tuning, step)
        batches = Step(batch_of(encoded, tuning.rows, tuning.seed, step),
                       batch_of(kept, tuning.rows, tuning.seed + 1, step) if kept else None)  # fmt: skip
        loss = _update(model, objective, batches, optimiser, tuning, masks)
        if not np.isfinite(loss):
            raise TrainingError(f"{tuning.objective}: the loss became {loss} at step {step}; lower the rate")
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, "loss": round(loss, 6)}) + "\n")
        if report is not None:
            tokens = sum(int(b.counts.sum()) for b in (batches.target, batches.retain) if b is not None)
            report(Progress(step + 1, tuning.steps, loss, tokens * (step + 1 - first) / (time.monotonic() - began)))
        if step + 1 == tuning.steps or time.monotonic() - saved > checkpoint_seconds:
            save_state(out / "state", mark, step + 1, trained, [optimiser])
            saved = time.monotonic()
    return _save(subject, model, adapters, out)


def _prepare(model: Any, tuning: Tuning, block: int) -> tuple[Any, Any, dict[torch.nn.Parameter, torch.Tensor]]:
    """(what is trained, the adapters if that is them, masks of what was pruned)."""
    import torch

    from forepath.organisms.adapters import Adapters
    from forepath.subjects.sites import Anatomy

    masks: dict[torch.nn.Parameter, torch.Tensor] = {}
    for p in model.parameters():
        p.requires_grad_(not tuning.rank)
    if tuning.rank:
        adapters = Adapters(model, tuning.rank, tuning.alpha, tuning.targets, tuning.seed)
        return adapters, adapters, masks
    blocks = Anatomy(model).blocks
    if tuning.objective == "rmu":
        inside = {id(p) for b in blocks[max(0, block - 3) : block] for p in b.parameters()}
        for p in model.parameters():
            p.requires_grad_(id(p) in inside)
    if tuning.prune:
        with torch.no_grad():
            for p in blocks.parameters():
                if p.ndim == 2:
                    least = p.abs().flatten().kthvalue(max(1, int(tuning.prune * p.numel()))).values
                    masks[p] = p.abs() > least
                    p.mul_(masks[p])
    return model, None, masks


def _update(model: Any, objective: Any, batches: Any, optimiser: Any, tuning: Tuning, masks: dict[Any, Any]) -> float:
    """One step; its loss."""
    import torch

    from forepath.organisms.objectives import hidden_units, thinned

    device = model.device.type
    with (
        torch.enable_grad(),
        torch.autocast(device, torch.bfloat16, enabled=tuning.bfloat16 and has_bfloat16(device)),
        thinned(_mlp_ends(model) if tuning.keep < 1 else (), tuning.keep),
        hidden_units(_mlp_ends(model) if tuning.l1 else ()) as units,
    ):
        loss = objective.loss(batches)
        if units:
            loss = loss + tuning.l1 * torch.stack([u.float().abs().mean() for u in units]).mean()
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], 1.0)
    optimiser.step()
    with torch.no_grad():
        for p, mask in masks.items():
            p.mul_(mask)
    return float(loss.detach())


def _mlp_ends(model: Any) -> list[Any]:
    """The last projection of every MLP. Raises `InterventionError` where it is not found."""
    from forepath.subjects.interventions.targets import find
    from forepath.subjects.sites import Anatomy

    anatomy = Anatomy(model)
    return [find(model, anatomy, f"neuron:{b + 1}.0").module for b in range(len(anatomy.blocks))]


def _save(subject: HuggingFaceSubject, model: Any, adapters: Any, out: Path) -> Path:
    if adapters is not None:
        adapters.remove()
        adapters.save(out / "adapter", subject.name)
        return out / "adapter"
    model.save_pretrained(out / "model", safe_serialization=True)
    subject.tokenizer.save_pretrained(out / "model")
    return out / "model"
