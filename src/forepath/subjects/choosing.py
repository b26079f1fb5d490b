"""From logits to one token per row, by the inverse of the cumulative distribution at a given uniform number.

Knows nothing of models or of how the numbers were drawn. Row i of the answer depends on row i of the arguments only.
The order of the filters is that of `transformers`: temperature, then top-k, then top-p.
"""

from __future__ import annotations

import numpy as np
import torch

from forepath.errors import InputError
from forepath.records import Policy

_BLOCK = 64
"""Tokens summed at a time: a cumulative sum over the whole vocabulary would cost as much as a small model's layer."""


def check_policy(policy: Policy) -> None:
    """Raise `InputError` where a policy is out of range."""
    for name, ok, wanted in (
        ("max_tokens", policy.max_tokens >= 1, "at least 1"),
        ("temperature", policy.temperature >= 0, "0 (greedy) or more"),
        ("top_p", 0 < policy.top_p <= 1, "in (0, 1]"),
        ("top_k", policy.top_k >= 0, "0 (no limit) or more"),
        ("stop", isinstance(policy.stop, tuple) and all(policy.stop), "a tuple of texts, none empty"),
    ):
        if not ok:
            raise InputError(f"policy: {name} must be {wanted}; got {getattr(policy, name)!r}")


def choose(logits: torch.Tensor, numbers: np.ndarray, policy: Policy) -> torch.Tensor:
    """(rows,) int64 tokens, one per row of `logits` (rows, vocab); `numbers` (rows,) in [0, 1).

    Tokens are laid along [0, 1) in the order of the vocabulary, each as wide as its probability; the number says
    which one. A token of probability 0 is never chosen.

    >>> p = torch.tensor([[0.2, 0.0, 0.8]] * 3)
    >>> choose(p.log(), np.array([0.0, 0.19, 0.21]), Policy()).tolist()
    [0, 0, 2]
    """
    if policy.temperature == 0:
        return logits.argmax(-1)
    weights = _filtered(logits.float(), policy).softmax(-1)
    rows, vocab = weights.shape
    wide = torch.float32 if weights.device.type == "mps" else torch.float64
    padded = weights if vocab % _BLOCK == 0 else torch.nn.functional.pad(weights, (0, -vocab % _BLOCK))
    blocks = padded.view(rows, -1, _BLOCK)
    above = blocks.sum(-1).to(wide).cumsum(-1)
    target = torch.from_numpy(numbers).to(weights.device, wide)[:, None] * above[:, -1:]
    block = _first_above(above, target)
    before = torch.where(block > 0, above.gather(1, (block - 1).clamp(min=0)), 0.0)
    inside = blocks[torch.arange(rows, device=weights.device), block[:, 0]].to(wide).cumsum(-1)
    return (block * _BLOCK + _first_above(inside, target - before))[:, 0]


def _filtered(logits: torch.Tensor, policy: Policy) -> torch.Tensor:
    if policy.temperature != 1:
        logits = logits / policy.temperature
    if 0 < policy.top_k < logits.shape[-1]:
        least = logits.topk(policy.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if policy.top_p < 1:
        ordered, index = logits.sort(dim=-1, descending=True, stable=True)
        mass = ordered.softmax(-1)
        # Dropped: tokens whose betters already hold the mass. The first is always kept.
        surplus = mass.cumsum(-1) - mass >= policy.top_p
        logits = logits.masked_fill(surplus.scatter(1, index, surplus), -torch.inf)
    return logits


def _first_above(cumulative: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(rows, 1) index of the first entry above `target`; rounding may leave none, then of the last real increase."""
    last = cumulative[:, -1:]
    below = torch.nextafter(last, torch.zeros_like(last))
    return (cumulative <= torch.minimum(target, below)).sum(-1, keepdim=True)
