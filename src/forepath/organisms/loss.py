"""Next-token cross-entropy of a tied output layer, a few hundred rows at a time.

The plain way writes the (tokens, vocabulary) logits to memory five times over; here each chunk of logits stays in the
cache and its gradient is taken at once (the idea of Liger's fused linear cross-entropy, Hsu et al. 2024). The value is
that of `torch.nn.functional.cross_entropy` up to bf16 rounding of the products; a test compares them.
"""

from __future__ import annotations

from typing import Any

import torch

CHUNK = 512


class _TiedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        kept = (targets >= 0).nonzero()[:, 0]
        low = weight.to(hidden.dtype)
        total = torch.zeros((), dtype=torch.float64, device=hidden.device)
        to_hidden = torch.zeros_like(hidden)
        to_weight = torch.zeros_like(weight)
        for part in torch.split(kept, CHUNK):
            states, wanted = hidden[part], targets[part]
            logits = (states @ low.T).float()
            rows = torch.arange(len(part), device=hidden.device)
            norm = torch.logsumexp(logits, dim=1)
            total += (norm - logits[rows, wanted]).sum()
            logits.sub_(norm[:, None]).exp_()
            logits[rows, wanted] -= 1.0
            slope = (logits / len(kept)).to(hidden.dtype)
            to_hidden[part] = slope @ low
            to_weight += (slope.T @ states).to(weight.dtype)
        ctx.save_for_backward(to_hidden, to_weight)
        return (total / len(kept)).float()

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        to_hidden, to_weight = ctx.saved_tensors
        return to_hidden * upstream[0], to_weight * upstream[0], None


def tied_cross_entropy(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over the targets >= 0 of the cross-entropy of softmax(hidden @ weight.T), nats.

    `hidden` (tokens, width), `weight` (vocabulary, width), `targets` (tokens,) int64, negative = ignored.
    """
    return _TiedCrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-untyped-call, no-any-return]
