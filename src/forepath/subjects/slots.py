"""Keys and values of rows that began at different times: each row has a slot of its own, and rows come and go.

A row's positions count from its own beginning, and it sees its own slot only, so that nothing depends on who stands
beside it but the rounding of a larger product. `Slots` is the memory; `SlotCache` is how a model of `transformers`
reaches it (through the attention function of `prefix`), `SlotsContinuation` how it writes, and `FusedSlots` the quick
step of `fused`. Unlike a shared prompt (`paged`, `prefix`), every row keeps a copy of its prompt: requests seldom have
one in common, and of one or two rows nothing is gained by sharing (`decoding`). Knows nothing of tokens, seeds or
policies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from transformers.cache_utils import Cache

from forepath.subjects.fused import FusedContinuation, few
from forepath.subjects.paged import zeros
from forepath.subjects.prefix import attending

ROOM = 32
"""Positions of room added at a time, or a sixteenth of the longest row's if that is more: all of it is read at every
step, and making more copies everything."""

Row = tuple[list[torch.Tensor], list[torch.Tensor], int]
"""(keys of every layer (groups, positions, width), values, positions): what is taken out of a slot."""


def slot(prefill: Any, row: int, length: int) -> Row:
    """What the first `length` positions of a row of a right-padded prefill left in its cache."""
    keys, values = ([getattr(layer, kind)[row, :, :length] for layer in prefill.layers] for kind in ("keys", "values"))
    return keys, values, length


class Slots:
    """The memory of all layers."""

    def __init__(self) -> None:
        self.lengths = torch.zeros(0, dtype=torch.long)
        """(rows,) positions that each row holds."""
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []
        self._hidden: torch.Tensor | None = None

    def put(self, rows: list[Row]) -> None:
        """Append rows; where there is no room for them, none is, and the others stay."""
        before, held = self.lengths, len(self.lengths)
        new = torch.tensor([length for _, _, length in rows], dtype=torch.long)
        if not self._keys:
            empty = [t.new_zeros(0, t.shape[0], 0, t.shape[2]) for t in rows[0][0]]
            self._keys, self._values = empty, list(empty)
        device = self._keys[0].device
        self.lengths = torch.cat([before.to(device), new.to(device)])
        try:
            self._resize()
        except BaseException:
            self.lengths = before
            raise
        for n, (keys, values) in enumerate(zip(self._keys, self._values, strict=True)):
            for i, (own_keys, own_values, length) in enumerate(rows):
                keys[held + i, :, :length] = own_keys[n]
                values[held + i, :, :length] = own_values[n]

    def take(self, row: int) -> Row:
        """A copy of what a row holds: for `put`, later."""
        length = int(self.lengths[row])
        kept = [[t[row, :, :length].clone() for t in tensors] for tensors in (self._keys, self._values)]
        return kept[0], kept[1], length

    def keep(self, index: torch.Tensor) -> None:
        """Keep these rows, in this order. Rows are moved in place: a row that goes costs one row's copy."""
        moved = (index != torch.arange(len(index), device=index.device)).nonzero()[:, 0]
        for tensor in (*self._keys, *self._values):
            tensor[moved] = tensor[index[moved]]
        self.lengths = self.lengths[index]
        self._resize()

    def attend(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """(rows, heads * width) of one layer: `query` (rows, heads, width) already scaled; `key`, `value` (rows,
        groups, width) of the token just read are stored first. Layers come in order."""
        rows, heads, width = query.shape
        keys, values = self._keys[layer][:rows], self._values[layer][:rows]
        groups, room = keys.shape[1:3]
        at = torch.arange(rows, device=query.device)
        keys[at, :, self.lengths] = key
        values[at, :, self.lengths] = value
        if layer == 0 or self._hidden is None:
            unseen = torch.arange(room, device=query.device) > self.lengths[:, None]
            self._hidden = torch.zeros(unseen.shape, dtype=query.dtype, device=query.device)
            self._hidden.masked_fill_(unseen, -torch.inf)
        mine = query.reshape(rows * groups, heads // groups, width)
        scores = torch.bmm(mine, keys.flatten(0, 1).transpose(1, 2)).view(rows, heads, room)
        weights = torch.softmax(scores + self._hidden[:, None], -1, dtype=torch.float32).to(query.dtype)
        out = torch.bmm(weights.view(rows * groups, heads // groups, room), values.flatten(0, 1))
        return out.view(rows, heads * width)

    def advance(self) -> None:
        """A token of each row has been read by every layer."""
        self.lengths = self.lengths + 1
        self._resize()

    def _resize(self) -> None:
        """Room for one more position of the longest row, and for all rows; less of it where most stands empty."""
        rows, longest = len(self.lengths), int(self.lengths.max()) if len(self.lengths) else 0
        unit = max(1, longest // 16 // ROOM) * ROOM
        self._hidden = None
        for tensors in (self._keys, self._values):
            for n, old in enumerate(tensors):
                capacity, groups, room, width = old.shape
                if capacity >= rows and room > longest and (room <= 2 * ROOM or room <= 2 * longest):
                    continue
                slots = capacity if capacity >= rows else 2 * rows if capacity else rows
                shape = (slots, groups, longest // unit * unit + unit, width)
                new = tensors[n] = zeros(shape, old.dtype) if old.device.type == "cpu" else old.new_zeros(shape)
                both = min(room, shape[2])
                new[: min(capacity, rows), :, :both] = old[:rows, :, :both]


class SlotCache(Cache):
    """`Slots` as the cache of one forward pass of a `transformers` model, a token of each row."""

    def __init__(self, slots: Slots) -> None:
        super().__init__(layers=[])
        self.calls = 0
        self._slots, self._last = slots, (0, torch.empty(0), torch.empty(0))

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Of the longest row; positions are always given to the model by row."""
        return int(self._slots.lengths.max())

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any) -> Any:
        """Take this step's keys and values (rows, groups, 1, width); `attend` stores them."""
        self._last = (layer_idx, key_states[:, :, 0], value_states[:, :, 0])
        return key_states, value_states

    def attend(self, query: torch.Tensor, scale: float) -> torch.Tensor:
        """(rows, 1, heads, width) of the layer last updated; `query` (rows, heads, 1, width)."""
        self.calls += 1
        layer, key, value = self._last
        rows, heads, _, width = query.shape
        return self._slots.attend(layer, query[:, :, 0] * scale, key, value).view(rows, 1, heads, width)


class Company(Protocol):
    """Rows that are written together, each from its own place on."""

    slots: Slots

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append one token to each row (rows,); the logits (rows, vocab) of the next."""
        ...

    def reading(self, modules: frozenset[str]) -> Any:
        """A context that yields {module: (rows, width) or (rows, 1, width)} of the step made in it."""
        ...


class FusedSlots(FusedContinuation):
    """The fused step over slots."""

    def __init__(self, model: Any) -> None:
        """`model` for which `fused.why_not` says nothing."""
        self.slots = Slots()
        super().__init__(model, self.slots, self.slots.lengths)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append one token to each row (rows,); the logits (rows, vocab) of the next."""
        self._positions, self._few = self.slots.lengths.clone(), few(self._head, len(tokens))
        return super().step(tokens)

    @contextmanager
    def reading(self, modules: frozenset[str]) -> Iterator[dict[str, torch.Tensor]]:
        """Within, a step leaves the residual streams of that name."""
        self.wanted = modules
        yield self.found


class SlotsContinuation:
    """The model's own step over slots; `read` is how its modules are read (`Anatomy.reading`)."""

    def __init__(self, model: Any, read: Any) -> None:
        self._model, self.reading = model, read
        self.slots = Slots()
        self._mask = torch.zeros(1, 1, 1, 1, dtype=torch.bool, device=model.device)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append one token to each row (rows,); the logits (rows, vocab) of the next."""
        cache = SlotCache(self.slots)
        with attending(cache):
            output = self._model(
                input_ids=tokens[:, None],
                position_ids=self.slots.lengths[:, None],
                attention_mask=self._mask,
                past_key_values=cache,
                use_cache=True,
            )
        self.slots.advance()
        logits: torch.Tensor = output.logits[:, -1]
        return logits
