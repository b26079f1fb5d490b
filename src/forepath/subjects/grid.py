"""Where each row stands in a grid of (prompts, rows of a prompt), so that a prompt's rows are one matrix product.

Knows nothing of attention, models or tokens.
"""

from __future__ import annotations

import torch


class Grid:
    """The places of rows that continue `prompts` prompts; a place without a row is zero in the grid."""

    def __init__(self, prompt_of: torch.Tensor, prompts: int) -> None:
        """`prompt_of` (rows,) the prompt each row continues."""
        counts = torch.bincount(prompt_of, minlength=prompts)
        self.prompts, self.most = prompts, int(counts.max())
        order = torch.argsort(prompt_of, stable=True)
        rank = torch.empty_like(order)
        first = (counts.cumsum(0) - counts)[prompt_of[order]]
        rank[order] = torch.arange(len(order), device=order.device) - first
        place = prompt_of * self.most + rank
        whole = torch.arange(prompts * self.most, device=place.device)
        self._place: torch.Tensor | None = None if torch.equal(place, whole) else place

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        """(rows, groups, share, width) -> (prompts, groups, rows of a prompt * share, width)."""
        if self._place is not None:
            empty = rows.new_zeros(self.prompts * self.most, *rows.shape[1:])
            rows = empty.index_copy_(0, self._place.to(rows.device), rows)
        return rows.view(self.prompts, self.most, *rows.shape[1:]).transpose(1, 2).flatten(2, 3)

    def scatter(self, grid: torch.Tensor, groups: int) -> torch.Tensor:
        """The inverse of `gather`: (rows, groups, share, width)."""
        rows = grid.view(self.prompts, groups, self.most, -1, grid.shape[-1]).transpose(1, 2)
        if self._place is None:
            return rows.flatten(0, 1)
        return rows.flatten(0, 1)[self._place.to(rows.device)]
