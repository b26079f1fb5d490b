"""A small transformer that reads vectors and writes themes. Plain PyTorch; knows neither prompts nor odds' meaning.

The reads of a prompt (layers, last positions) become its first tokens, a `<begin>` token follows, then themes one by
one; reads see each other, a theme sees all before it. What comes out at `<begin>` and at each theme is added to logits
that someone else supplies: the last layer starts at zero, so that at first nothing is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

Memory = list[tuple[Tensor, Tensor]]
"""Per block: keys and values (prompts, heads, tokens, width of a head) of the tokens before the themes."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a transformer."""

    reads: int
    width: int
    themes: int
    horizon: int
    model: int = 64
    blocks: int = 2
    heads: int = 4
    dropout: float = 0.1


class Transformer(nn.Module):
    """Two blocks by default, pre-norm, learned positions, GELU (Vaswani et al. 2017; Radford et al. 2019)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.enter = nn.Linear(shape.width, shape.model)
        self.places = nn.Parameter(0.02 * torch.randn(shape.reads + shape.horizon, shape.model))
        self.begin = nn.Parameter(0.02 * torch.randn(shape.model))
        self.themes = nn.Embedding(shape.themes, shape.model)
        nn.init.normal_(self.themes.weight, std=0.02)
        self.drop = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.blocks))
        self.norm = nn.LayerNorm(shape.model)
        self.leave = nn.Linear(shape.model, shape.themes)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def read(self, reads: Tensor) -> tuple[Tensor, Memory]:
        """(prompts, reads, width) -> ((prompts, themes) at `<begin>`, what `write` needs)."""
        begin = self.begin.expand(len(reads), 1, -1)
        x = self.drop(torch.cat([self.enter(reads), begin], dim=1) + self.places[: self.shape.reads + 1])
        memory: Memory = []
        for block in self.blocks:
            x, kept = block(x, None)
            memory.append(kept)
        out: Tensor = self.leave(self.norm(x[:, -1]))
        return out, memory

    def write(self, memory: Memory, owner: Tensor, themes: Tensor, *, last: bool = False) -> Tensor:
        """(n,) prompts and their (n, length) themes so far -> (n, length, themes), after each theme; `last`: only after
        the last one, (n, 1, themes), which is less work.
        """
        start = self.shape.reads + 1
        x = self.drop(self.themes(themes) + self.places[start : start + themes.shape[1]])
        for number, (block, (keys, values)) in enumerate(zip(self.blocks, memory, strict=True)):
            x, _ = block(x, (keys[owner], values[owner]), last and number == len(self.blocks) - 1)
        out: Tensor = self.leave(self.norm(x))
        return out


class Block(nn.Module):
    """Attention and a two-layer network."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.before_attention, self.before_network = nn.LayerNorm(shape.model), nn.LayerNorm(shape.model)
        self.ask = nn.Linear(shape.model, 3 * shape.model)
        self.answer = nn.Linear(shape.model, shape.model)
        self.network = nn.Sequential(
            nn.Linear(shape.model, 4 * shape.model), nn.GELU(), nn.Linear(4 * shape.model, shape.model)
        )
        self.drop = nn.Dropout(shape.dropout)

    def forward(
        self, x: Tensor, past: tuple[Tensor, Tensor] | None, last: bool = False
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """`past` None: all tokens see each other. Else they see the past and each other causally. `last`: only the last
        token is wanted.
        """
        rows, length, model = x.shape
        asked = self.ask(self.before_attention(x)).view(rows, length, 3, self.heads, model // self.heads)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        mask = None
        if past is not None:
            before = past[0].shape[2]
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
            if last:
                query, x, length = query[:, :, -1:], x[:, -1:], 1
            elif length > 1:
                mask = torch.ones(length, before + length, dtype=torch.bool, device=x.device).tril(before)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.drop(self.answer(mixed.transpose(1, 2).reshape(rows, length, model)))
        x = x + self.drop(self.network(self.before_network(x)))
        return x, (key, value)
