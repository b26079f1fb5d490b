"""Attention for the fused decoder on a CPU: a prompt's keys and values once, each row's own in pages of tokens.

The products of one query with its row's own keys are many and tiny: as batched matrix products they take most of the
time of a small model. Written as weighted sums of table rows (`embedding_bag`: keys stored transposed, queries as the
weights) they run at the speed of memory, 2 to 5 times as fast. Pages are never moved or copied, only added.
Knows nothing of tokens, sampling or models. Used by `decoding`, which compares what comes of it with the model's own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from forepath.subjects.grid import Grid

PAGE = 32
"""Tokens of a page. All of the last page is read at every step: small pages waste less, large ones cost fewer calls."""


class Paged:
    """Keys and values of prompts, and of what each of the rows has written after one of them, of every layer."""

    def __init__(self, prefill: Any, lengths: torch.Tensor, prompt_of: torch.Tensor, heads: int) -> None:
        """Take over the keys and values of a right-padded prefill.

        `lengths` (prompts,) real tokens of each prompt; `prompt_of` (rows,) the prompt each row continues; `heads` of
        the queries, a multiple of those of the keys.
        """
        self._prompt = [(layer.keys.contiguous(), layer.values.contiguous()) for layer in prefill.layers]
        self._own: list[list[tuple[torch.Tensor, torch.Tensor]]] = [[] for _ in self._prompt]
        self._written = 0
        prompts, self._groups, self._length, self._width = self._prompt[0][0].shape
        self._share = heads // self._groups
        padding = torch.arange(self._length) >= lengths[:, None]
        self._padding = torch.zeros(padding.shape, dtype=self._prompt[0][0].dtype).masked_fill_(padding, -torch.inf)
        self._lay_out(prompt_of, prompts)

    def _lay_out(self, prompt_of: torch.Tensor, prompts: int) -> None:
        self._prompt_of = prompt_of
        self._grid = Grid(prompt_of, prompts)
        rows = len(prompt_of)
        group = torch.arange(rows * self._groups, dtype=torch.int32).repeat_interleave(self._share)
        # Row numbers in the tables (rows * groups * width, PAGE) of keys and (rows * groups * PAGE, width) of values.
        self._key_rows = group[:, None] * self._width + torch.arange(self._width, dtype=torch.int32)
        self._value_rows = group[:, None] * PAGE + torch.arange(PAGE, dtype=torch.int32)

    def keep(self, index: torch.Tensor) -> None:
        """Keep these rows, in this order. Rows are moved in place: a finished row costs one row's copy."""
        moved = (index != torch.arange(len(index))).nonzero()[:, 0]
        for layer, pages in enumerate(self._own):
            for page in pages:
                for tensor in page:
                    tensor[moved] = tensor[index[moved]]
            self._own[layer] = [(keys[: len(index)], values[: len(index)]) for keys, values in pages]
        prompt_of, prompts = self._prompt_of[index], len(self._padding)
        live = torch.unique(prompt_of)
        if 2 * len(live) <= prompts:
            self._prompt = [(keys[live], values[live]) for keys, values in self._prompt]
            self._padding, prompts = self._padding[live], len(live)
            prompt_of = torch.searchsorted(live, prompt_of)
        self._lay_out(prompt_of, prompts)

    def attend(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """(rows, heads * width) of one layer: `query` (rows, heads, width) already scaled; `key`, `value` (rows,
        groups, width) of the token just read are stored first."""
        self._append(layer, key, value)
        rows, heads, width = query.shape
        prompt_keys, prompt_values = self._prompt[layer]
        pages, filled = self._own[layer], self._written % PAGE + 1

        scores = torch.matmul(self._to_grid(query), prompt_keys.transpose(2, 3))
        scores += self._padding[:, None, None]
        parts = [self._from_grid(scores)]
        for keys, _ in pages:
            parts.append(_sums(keys.view(-1, PAGE), self._key_rows, query))
        parts[-1] = parts[-1][:, :filled]
        weights = torch.softmax(torch.cat(parts, 1), -1)

        out = self._from_grid(torch.matmul(self._to_grid(weights[:, : self._length]), prompt_values))
        for n, (_, values) in enumerate(pages):
            start = self._length + n * PAGE
            mine = weights[:, start : start + PAGE]
            index = self._value_rows if mine.shape[1] == PAGE else self._value_rows[:, :filled]
            out += _sums(values.view(-1, width), index, mine)
        return out.view(rows, heads * width)

    def _to_grid(self, flat: torch.Tensor) -> torch.Tensor:
        """(rows, heads, n) or (rows * heads, n) as `Grid` has it."""
        return self._grid.gather(flat.view(len(self._prompt_of), self._groups, self._share, -1))

    def _from_grid(self, grid: torch.Tensor) -> torch.Tensor:
        """(rows * heads, n)."""
        rows = self._grid.scatter(grid, self._groups)
        return rows.reshape(-1, rows.shape[-1])

    def advance(self) -> None:
        """A token of each row has been read by every layer."""
        self._written += 1

    def _append(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> None:
        place, pages = self._written % PAGE, self._own[layer]
        if place == 0:
            rows, groups, width = key.shape
            shapes = (rows, groups, width, PAGE), (rows, groups, PAGE, width)
            pages.append((zeros(shapes[0], key.dtype), zeros(shapes[1], key.dtype)))
        keys, values = pages[-1]
        keys[..., place] = key
        values[:, :, place] = value


def _sums(table: torch.Tensor, index: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(n, width) sums of rows of `table` (any, width): those of `index` (n, m), weighted by `weights` (n * m)."""
    n, m = index.shape
    ends = torch.arange(0, n * m + 1, m, dtype=index.dtype)
    # torch.nn.functional.embedding_bag is the same, 20 microseconds later.
    summed = torch.embedding_bag(table, index.flatten(), ends, False, 0, False, weights.flatten(), True)
    out: torch.Tensor = summed[0]
    return out


def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Zeros on the CPU."""
    # NumPy asks the system for huge pages; first touching as much memory by torch.empty takes ten times as long.
    flat = np.zeros(dtype.itemsize * math.prod(shape), dtype=np.uint8)
    return torch.from_numpy(flat).view(dtype).view(shape)
