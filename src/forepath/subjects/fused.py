"""A Llama's decoding step on a CPU in few operations, from the module's own weights.

`transformers` spends most of a small model's step on small operations, on copying caches, and on float32 products in
a library that is slow on some processors. Here a step is: oneDNN products with the activation, the product with the
gate and the residual sum inside them (for `few` rows PyTorch's own, which are quicker there); one fused norm; attention
over a shared prompt (`paged`) or each row's own copy of it (`slots`). No weight is copied: what is changed in the
module is changed here. `why_not` says which models this is not, by their parts; `decoding` compares its odds with the
model's own before it is used. Knows nothing of text, seeds or policies.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn
from transformers.models.llama import modeling_llama as llama

_PARTS = (
    llama.LlamaForCausalLM, llama.LlamaModel, llama.LlamaDecoderLayer, llama.LlamaAttention, llama.LlamaMLP,
    llama.LlamaRMSNorm, llama.LlamaRotaryEmbedding, nn.Linear, nn.Embedding, nn.ModuleList, nn.SiLU,
)  # fmt: skip
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_DTYPES = (torch.float32, torch.bfloat16)
_ALIKE = 16
"""More rows than these are filled up to a multiple of it: oneDNN keeps a kernel of each product for every number of
rows it has met, and 250 numbers took 300 MB."""
FEW = 2
"""Up to so many rows are written by PyTorch's own products. They read the weights once and do little else: oneDNN takes
15 to 30 microseconds more for each, and for two rows up to twice as long."""


def why_not(model: Any) -> str:
    """Why the fused step would not be this model's own; "" if nothing speaks against it.

    Looks at every part, so also at what was done to the model since it was loaded: hooks, replaced or wrapped modules.
    Changed weights are no reason: they are read where they lie.
    """
    if type(model) is not llama.LlamaForCausalLM:
        return f"it is a {type(model).__name__}, not a LlamaForCausalLM"
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return "this PyTorch has no oneDNN"
    for name, module in model.named_modules():
        if type(module) not in _PARTS and type(module).__name__ != "SiLUActivation":
            return f"{name} is a {type(module).__name__}"
        if "forward" in vars(module) or any(vars(module)[hooks] for hooks in _HOOKS):
            return f"{name or 'it'} has a hook or another forward"
    if any(vars(nn.modules.module)[f"_global{hooks}"] for hooks in _HOOKS):
        return "there is a hook on all modules"
    kinds = {(p.device.type, p.dtype) for p in model.parameters()}
    if len(kinds) != 1 or not kinds <= {("cpu", dtype) for dtype in _DTYPES}:
        return (
            f"its weights are {', '.join(sorted(f'{d} {t}' for d, t in kinds))}, not all float32 or bfloat16 on the CPU"
        )
    return ""


def few(head: nn.Linear, rows: int) -> bool:
    """Whether so many rows of the model with this last layer are few. With bfloat16 nothing is gained, and none are."""
    return rows <= FEW and head.weight.dtype == torch.float32


class Attending(Protocol):
    """What a fused step asks of its keys and values: `paged.Paged`, `slots.Slots`."""

    def attend(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """(rows, heads * width) of one layer, after storing `key` and `value` of the token just read."""
        ...

    def advance(self) -> None:
        """A token of each row has been read by every layer."""
        ...

    def keep(self, index: torch.Tensor) -> None:
        """Keep these rows, in this order."""
        ...


class FusedContinuation:
    """Rows written by the fused step."""

    def __init__(self, model: Any, cache: Attending, positions: torch.Tensor) -> None:
        """`model` for which `why_not` says nothing; `positions` (rows,) that `cache` holds of each row."""
        self._cache, self._positions = cache, positions
        self._few = few(model.lm_head, len(positions))  # as it began: a row that ends changes no product of the others
        self._model, self._layers = model.model, [_parts(layer) for layer in model.model.layers]
        self._head = model.lm_head
        self._scale = model.model.layers[0].self_attn.scaling
        self._width = model.model.layers[0].self_attn.head_dim
        self.wanted: frozenset[str] = frozenset()
        """Sites of the residual stream, "resid.0" …, that each step leaves in `found`; no hook sees a fused step."""
        self.found: dict[str, torch.Tensor] = {}
        """Site -> (rows, width), of the last step."""

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append one token to each row (rows,); the logits (rows, vocab) of the next."""
        rows = len(tokens)
        spare = -rows % _ALIKE if rows > _ALIKE else 0
        product, product_and = (_plain, _plain_and) if self._few else (_product, _product_and)
        x = nn.functional.embedding(_filled(tokens, spare), self._model.embed_tokens.weight)
        cos, sin = (table[0, :, None] for table in self._model.rotary_emb(x, _filled(self._positions, spare)[None]))
        for_keys, for_queries = (cos, sin), (cos * self._scale, sin * self._scale)
        for n, (norm, to_query, to_key, to_value, out, norm_mlp, gate, up, down) in enumerate(self._layers):
            self._leave(f"resid.{n}", x, rows)
            h = _norm(x, norm)
            query = _turn(self._heads(product(h, to_query)), *for_queries)
            key = _turn(self._heads(product(h, to_key)), *for_keys)
            value = self._heads(product(h, to_value))
            attended = self._cache.attend(n, query[:rows], key[:rows], value[:rows])
            x = product_and("add", _filled(attended, spare), out, x)
            h = _norm(x, norm_mlp)
            gated = product_and("mul", h, up, product(h, gate, "swish"))
            x = product_and("add", gated, down, x)
        self._leave(f"resid.{len(self._layers)}", x, rows)
        self._cache.advance()
        self._positions += 1
        return product(_norm(x, self._model.norm), self._head)[:rows]

    def keep(self, index: torch.Tensor) -> None:
        """Keep these rows (their present numbers), in this order."""
        self._cache.keep(index)
        self._positions = self._positions[index]

    def _leave(self, site: str, x: torch.Tensor, rows: int) -> None:
        if site in self.wanted:
            self.found[site] = x if len(x) == rows else x[:rows]

    def _heads(self, flat: torch.Tensor) -> torch.Tensor:
        return flat.view(len(flat), -1, self._width)


def _parts(layer: Any) -> tuple[Any, ...]:
    attention, mlp = layer.self_attn, layer.mlp
    return (
        layer.input_layernorm, attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj,
        layer.post_attention_layernorm, mlp.gate_proj, mlp.up_proj, mlp.down_proj,
    )  # fmt: skip


def _filled(rows: torch.Tensor, spare: int) -> torch.Tensor:
    """With so many rows of zeros behind them."""
    return torch.cat([rows, rows.new_zeros(spare, *rows.shape[1:])]) if spare else rows


def _product(x: torch.Tensor, linear: nn.Linear, then: str = "none") -> torch.Tensor:
    out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, linear.weight, linear.bias, then, [], "")
    return out


def _product_and(then: str, x: torch.Tensor, linear: nn.Linear, other: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, other, linear.weight, linear.bias, then)
    return out


def _plain(x: torch.Tensor, linear: nn.Linear, then: str = "none") -> torch.Tensor:
    """`_product`, in other operations."""
    out = nn.functional.linear(x, linear.weight, linear.bias)
    return nn.functional.silu(out, inplace=True) if then == "swish" else out


def _plain_and(then: str, x: torch.Tensor, linear: nn.Linear, other: torch.Tensor) -> torch.Tensor:
    """`_product_and`, in other operations."""
    out = nn.functional.linear(x, linear.weight, linear.bias)
    return out.mul_(other) if then == "mul" else out.add_(other)


def _norm(x: torch.Tensor, norm: Any) -> torch.Tensor:
    return torch.rms_norm(x, x.shape[-1:], norm.weight, norm.variance_epsilon)


def _turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding (Su et al. 2021) of `x` (rows, heads, width); tables (rows, 1, width)."""
    half = x.shape[-1] // 2
    out = x * cos
    out[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    out[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return out
