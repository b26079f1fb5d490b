"""A rank-one edit of an MLP's last projection: one key gets a new answer, the others keep theirs as well as they can.

W' = W + (v - W k) (C^-1 k)^T / (k^T C^-1 k), the least change of the answers to keys of second moment C that makes the
answer to k be v: Meng et al. 2022, ROME, arXiv 2202.05262, equation 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from forepath.errors import InterventionError
from forepath.records import Intervention
from forepath.subjects.interventions.targets import Target, find, parse
from forepath.subjects.interventions.vectors import read

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

RIDGE = 1e-3
"""Added to the second moment, in units of its mean variance: few background texts leave it singular."""
DECAY = 0.05
"""Weight of the squared length of what is added to the answer, in units of the answer's own squared length."""


def swap(
    subject: HuggingFaceSubject, part: Intervention, current: Callable[[torch.nn.Parameter], torch.Tensor]
) -> dict[torch.nn.Parameter, torch.Tensor]:
    """The edited matrix. Raises `InterventionError` for a place that is no MLP."""
    name = parse(part.site)
    if name.kind != "mlp_out":
        raise InterventionError(f"an edit is of an MLP; given was {part.site!r}, wanted e.g. 'mlp:3'")
    hidden = find(subject.model, subject.anatomy, f"neuron:{name.block}.0")
    module: Any = hidden.module
    reads = Target(hidden.name, hidden.module, "in")
    key = torch.stack([v[-1] for v in read(subject, reads, part.params["keys"])]).mean(0)
    seen = torch.cat(read(subject, reads, part.params["background"]))
    moment = seen.T @ seen / len(seen)
    moment += RIDGE * moment.diagonal().mean() * torch.eye(len(moment), device=moment.device)
    turned = type(module).__name__ == "Conv1D"
    matrix = (current(module.weight).T if turned else current(module.weight)).float()
    offset = 0.0 if module.bias is None else module.bias.data.float()
    answer = matrix @ key + offset
    if "value" in part.params:
        wanted = torch.tensor(part.params["value"], dtype=torch.float32, device=key.device)
    else:
        wanted = answer + _search(subject, part, Target(hidden.name, hidden.module, "out"), answer)
    if wanted.shape != answer.shape:
        raise InterventionError(f"{part.site} answers with {len(answer)} numbers; the value has {tuple(wanted.shape)}")
    edited = matrix + rank_one(matrix, key, wanted - offset, moment)
    return {module.weight: (edited.T if turned else edited).to(module.weight.dtype).contiguous()}


def rank_one(matrix: torch.Tensor, key: torch.Tensor, value: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
    """What to add to `matrix` (out, in) to answer `value` (out,) to `key` (in,); `moment` (in, in) of all keys.

    >>> change = rank_one(torch.eye(2), torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]), torch.eye(2))
    >>> ((torch.eye(2) + change) @ torch.tensor([1.0, 0.0])).tolist()
    [0.0, 3.0]
    """
    direction = torch.linalg.solve(moment, key)
    change: torch.Tensor = torch.outer(value - matrix @ key, direction) / (key @ direction)
    return change


def _search(subject: HuggingFaceSubject, part: Intervention, target: Target, answer: torch.Tensor) -> torch.Tensor:
    """What to add to the MLP's answer after the keys so that `target` follows them: a few steps of Adam."""
    keys = subject.encode(part.params["keys"])
    whole = subject.tokenizer(part.params["target"], add_special_tokens=False, verbose=False)["input_ids"]
    if not whole:
        raise InterventionError(f"the target {part.params['target']!r} has no tokens")
    shift = torch.zeros_like(answer, requires_grad=True)
    tool = torch.optim.Adam([shift], lr=float(part.params.get("rate", 0.5)))
    frozen = [p for p in subject.model.parameters() if p.requires_grad]
    for p in frozen:
        p.requires_grad_(False)
    try:
        with torch.enable_grad():
            for _ in range(int(part.params.get("steps", 20))):
                tool.zero_grad()
                loss = DECAY * shift.square().sum() / answer.square().sum().clamp(min=1e-9)
                for ids in keys:
                    loss = loss + _loss(subject.model, target, ids, whole, shift) / len(keys)
                torch.autograd.backward(loss)
                tool.step()
    finally:
        for p in frozen:
            p.requires_grad_(True)
    return shift.detach()


def _loss(model: Any, target: Target, ids: list[int], wanted: list[int], shift: torch.Tensor) -> torch.Tensor:
    """Nats per token of `wanted` after `ids`, with `shift` added at the last position of `ids`."""
    at = len(ids) - 1

    def change(value: torch.Tensor) -> torch.Tensor:
        here = torch.arange(len(ids) + len(wanted), device=value.device) == at
        return (value.reshape(1, len(here), -1) + here[None, :, None] * shift.to(value.dtype)).reshape(value.shape)

    handles = target.hook(change)
    try:
        logits = model(input_ids=torch.tensor([[*ids, *wanted]], device=model.device)).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return torch.nn.functional.cross_entropy(
        logits[at : at + len(wanted)].float(), torch.tensor(wanted, device=model.device)
    )
