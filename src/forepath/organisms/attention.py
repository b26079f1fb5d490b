"""Causal attention by plain matrix products, for training on a CPU.

PyTorch's fused kernel takes four times as long backwards as two batched products at these sizes (a few hundred
tokens, heads of 32, bfloat16), and attention is then nearly half of a step. Same function, up to rounding.
"""

from __future__ import annotations

from typing import Any

import torch

NAME = "forepath_causal"


def causal_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **unused: Any,
) -> tuple[torch.Tensor, None]:
    """`query`, `key`, `value` (rows, heads, length, head width) -> (rows, length, heads, head width).

    Every position sees itself and those before it; padding may stand behind a row only. No dropout, as many key heads
    as query heads, nothing cached: what the recipes here use.
    """
    rows, heads, length, width = query.shape
    shape = (rows * heads, length, width)
    mask = torch.full((length, length), float("-inf"), dtype=query.dtype, device=query.device).triu(1)
    scores = torch.baddbmm(mask, query.reshape(shape), key.reshape(shape).transpose(1, 2), alpha=scaling)
    mixed = torch.bmm(scores.softmax(-1), value.reshape(shape))
    return mixed.view(query.shape).transpose(1, 2).contiguous(), None


def use_causal_attention(model: Any) -> None:
    """Make a transformers model use `causal_attention` from now on, in this process only (not in its saved config)."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, causal_attention)
    model.set_attn_implementation(NAME)
