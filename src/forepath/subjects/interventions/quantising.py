"""Weights rounded to a few bits and back: what a quantised model would write with.

Symmetric, to the nearest level, scaled by the largest entry of each row or of each group of neighbours in it (the
baseline "RTN" of Frantar et al. 2022, GPTQ, arXiv 2210.17323). Activations are not rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from forepath.errors import InterventionError

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject


def swap(
    subject: HuggingFaceSubject, params: Mapping[str, Any], current: Callable[[torch.nn.Parameter], torch.Tensor]
) -> dict[torch.nn.Parameter, torch.Tensor]:
    """Every matrix of the blocks, rounded. Raises `InterventionError` for a group that does not divide its rows."""
    found: dict[torch.nn.Parameter, torch.Tensor] = {}
    for module in subject.anatomy.blocks.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, torch.nn.Parameter) and weight.ndim == 2:
            turned = type(module).__name__ == "Conv1D"  # (in, out)
            matrix = current(weight).T if turned else current(weight)
            rounded = round_to(matrix, int(params["bits"]), int(params.get("group", 0)))
            found[weight] = (rounded.T if turned else rounded).contiguous()
    return found


def round_to(matrix: torch.Tensor, bits: int, group: int = 0) -> torch.Tensor:
    """(rows, columns) with 2^bits - 1 levels per row or group of columns.

    >>> round_to(torch.tensor([[1.0, -0.6, 0.2]]), 2).tolist()
    [[1.0, -1.0, 0.0]]
    """
    rows, columns = matrix.shape
    size = group or columns
    if columns % size:
        raise InterventionError(f"a group of {size} does not divide rows of {columns} entries; give a divisor")
    blocks = matrix.float().reshape(rows, columns // size, size)
    most = 2 ** (bits - 1) - 1
    scale = (blocks.abs().amax(-1, keepdim=True) / most).clamp(min=1e-12)
    levels = (blocks / scale).round().clamp(-most, most)
    rounded: torch.Tensor = (levels * scale).reshape(rows, columns).to(matrix.dtype)
    return rounded
