"""Matrix products of a trunk that is trained on a CPU, by oneDNN. Needs torch.

PyTorch gives float32 products to another library, which is slow on some processors: on an AMD Zen 5 core it made 87
GFLOP/s of products of 2,000 x 256 with 256 x 672, oneDNN 190. Sums are taken in another order, nothing else differs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class QuickProducts(TorchFunctionMode):
    """Within, every linear map of float32 on the CPU is oneDNN's, and so is its gradient."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What torch calls in place of each of its functions."""
        if func is functional.linear and _suits(*(given := _arguments(*args, **(kwargs or {})))):
            return _Product.apply(*given)  # type: ignore[no-untyped-call]
        return func(*args, **(kwargs or {}))


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, given: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        to_x, to_weight, to_bias = ctx.needs_input_grad
        flat = given.reshape(-1, given.shape[-1])
        return (
            _linear(given, weight.t().contiguous(), None) if to_x else None,
            _linear(flat.t().contiguous(), x.reshape(-1, x.shape[-1]).t().contiguous(), None) if to_weight else None,
            flat.sum(dim=0) if to_bias else None,
        )


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return out


def _arguments(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
    return input, weight, bias


def _suits(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    shaped = weight.dim() == 2 and x.dim() > 1 and x.numel() > 0
    given = [x, weight] if bias is None else [x, weight, bias]
    return _HAS and shaped and all(t.dtype == torch.float32 and t.device.type == "cpu" for t in given)


_HAS = torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")
