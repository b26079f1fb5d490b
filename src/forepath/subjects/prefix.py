"""Attention of many continuations to one prompt: its keys and values are held once, however many rows continue it.

Plugs into `transformers` by its documented `AttentionInterface`, so the model's own code runs unchanged: while a
`SharedPrefix` is active, attention is softmax over [the prompt's keys, shared | the row's own keys]; otherwise it is
`transformers`' own sdpa. Knows nothing of tokens or sampling. `decoding` verifies it on each model before use.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np
import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from forepath.subjects.grid import Grid

ATTENTION = "forepath_shared_prefix"
"""The name to give to `model.set_attn_implementation`."""


class Attending(Protocol):
    """What our attention function asks while it is active."""

    def attend(self, query: torch.Tensor, scale: float) -> torch.Tensor:
        """(rows, 1, heads, width) of the layer last updated; `query` (rows, heads, 1, width)."""
        ...


_ACTIVE: ContextVar[Attending | None] = ContextVar("active", default=None)
_GROWTH = 16
"""Tokens of room added to the rows' own caches at a time. They are kept contiguous: on a CPU, batched products of
strided views cost three times as much as of contiguous tensors, and moving the cache every 16 steps next to nothing."""
_REFUSED = ("sliding_window", "softcap", "s_aux", "position_bias", "cu_seq_lens_q")
"""Arguments that change what attention computes. None of them is implemented here; a model that uses one falls back."""


class UnsupportedAttentionError(Exception):
    """The model's attention is of a kind that the shared prefix does not implement. Caught; never seen by users."""


class SharedPrefix(Cache):
    """Keys and values of `prompts` prompts, and of what each of `rows` rows has written after one of them."""

    def __init__(self, prefill: Any, lengths: torch.Tensor, prompt_of: torch.Tensor) -> None:
        """Take over the keys and values of a right-padded prefill.

        `lengths` (prompts,) real tokens of each prompt; `prompt_of` (rows,) the prompt each row continues, in
        ascending order.
        """
        super().__init__(layers=[])
        self.written = 0
        self.calls = 0
        self._prompt: list[tuple[torch.Tensor, torch.Tensor]] = [(layer.keys, layer.values) for layer in prefill.layers]
        self._own: list[tuple[torch.Tensor, ...]] = [()] * len(self._prompt)
        self._layer = 0
        width = int(lengths.max())
        padding = torch.arange(width, device=lengths.device) >= lengths[:, None]
        self._padding = padding if bool(padding.any()) else None
        self._lay_out(prompt_of)

    def _lay_out(self, prompt_of: torch.Tensor) -> None:
        self._prompt_of = prompt_of
        self._grid = Grid(prompt_of, len(self._prompt[0][0]))

    def keep(self, index: torch.Tensor) -> None:
        """Keep these rows, in this order. Rows are moved in place: a finished row costs one row's copy."""
        self._prompt_of = self._prompt_of[index]
        moved = (index != torch.arange(len(index), device=index.device)).nonzero()[:, 0]
        for n, own in enumerate(self._own):
            for tensor in own:
                tensor[moved.to(tensor.device)] = tensor[index[moved].to(tensor.device)]
            self._own[n] = tuple(tensor[: len(index)] for tensor in own)
        live = torch.unique(self._prompt_of)
        if 2 * len(live) <= len(self._prompt[0][0]):
            self._prompt = [(k[live.to(k.device)], v[live.to(v.device)]) for k, v in self._prompt]
            self._padding = None if self._padding is None else self._padding[live]
            self._prompt_of = torch.searchsorted(live, self._prompt_of)
        self._lay_out(self._prompt_of)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Positions before this step: of the longest prompt; positions are always given to the model by row."""
        return self._prompt[0][0].shape[2] + self.written

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any) -> Any:
        """Store this step's keys and values (rows, heads, 1, width); the attention function reads them from here."""
        if self.written % _GROWTH == 0:
            old = self._own[layer_idx] or (key_states[:, :, :0], value_states[:, :, :0])
            self._own[layer_idx] = tuple(_grown(tensor) for tensor in old)
        for tensor, new in zip(self._own[layer_idx], (key_states, value_states), strict=True):
            tensor[:, :, self.written] = new[:, :, 0]
        self._layer = layer_idx
        return key_states, value_states

    def attend(self, query: torch.Tensor, scale: float) -> torch.Tensor:
        """(rows, 1, heads, width) of the layer last updated; `query` (rows, heads, 1, width)."""
        self.calls += 1
        own_keys, own_values = self._own[self._layer]
        prompt_keys, prompt_values = self._prompt[self._layer]
        rows, heads, _, width = query.shape
        groups, room = own_keys.shape[1:3]
        length = prompt_keys.shape[2]
        grouped = (query * scale).view(rows, groups, heads // groups, width)
        scores = grouped.new_empty(rows, groups, heads // groups, length + room)
        scores[..., :length] = self._grid.scatter(self._prompt_scores(grouped, prompt_keys), groups)
        mine = torch.bmm(grouped.flatten(0, 1), own_keys.flatten(0, 1).transpose(1, 2))
        scores[..., length:] = mine.view(rows, groups, heads // groups, room)
        scores[..., length + self.written + 1 :] = -torch.inf  # room that is not yet written
        weights = torch.softmax(scores, -1, dtype=torch.float32).to(query.dtype)
        out = torch.bmm(weights[..., length:].flatten(0, 1).contiguous(), own_values.flatten(0, 1))
        out = out.view(rows, groups, heads // groups, -1)
        out += self._grid.scatter(torch.matmul(self._grid.gather(weights[..., :length]), prompt_values), groups)
        return out.view(rows, 1, heads, -1)

    def _prompt_scores(self, grouped: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        scores = torch.matmul(self._grid.gather(grouped), keys.transpose(2, 3))
        if self._padding is not None:
            scores.masked_fill_(self._padding[:, None, None].to(scores.device), -torch.inf)
        return scores

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within, the model's attention is this one; one step of one token per row."""
        with attending(self):
            yield
        self.written += 1


@contextmanager
def attending(cache: Attending) -> Iterator[None]:
    """Within, the model's attention is that of `cache`."""
    token = _ACTIVE.set(cache)
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def _grown(old: torch.Tensor) -> torch.Tensor:
    """`old` (rows, heads, room, width) with more room, zero where not yet written."""
    rows, heads, room, width = old.shape
    shape = (rows, heads, room + _GROWTH, width)
    if old.device.type == "cpu":
        # NumPy asks the system for huge pages; first touching as much memory by torch.empty takes ten times as long.
        flat = np.empty(old.element_size() * math.prod(shape), dtype=np.uint8)
        new = torch.from_numpy(flat).view(old.dtype).view(shape)
    else:
        new = old.new_empty(shape)
    new[:, :, :room] = old
    new[:, :, room:] = 0
    return new


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    prefix = _ACTIVE.get()
    if prefix is None:
        out, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return out, None
    used = [name for name in _REFUSED if kwargs.get(name) is not None]
    if used:
        raise UnsupportedAttentionError(f"its attention uses {', '.join(used)}")
    return prefix.attend(query, query.shape[-1] ** -0.5 if scaling is None else scaling), None


AttentionInterface.register(ATTENTION, _attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
