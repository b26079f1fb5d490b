"""Where an intervention acts: names of places, and the modules of a model they stand for.

    head:3.5   head:3.5,7      what these heads of block 3's attention hand to its output projection
    neuron:3.17   neuron:3.0-9 these hidden units of MLP 3, as its last projection reads them
    hidden:3                   all of them
    attn:3     mlp:3           what the attention, the MLP of block 3 adds (the sites attn_out.3, mlp_out.3)
    layer:3                    all that block 3 adds to the residual stream
    resid.3                    the residual stream after block 3; resid.0 is what enters the first

Blocks count from 1, heads and neurons from 0. Works on architectures whose output projections are found by name; what
is found is verified on two tokens (`check_additive`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from forepath.errors import InterventionError
from forepath.subjects.sites import Anatomy

_GRAMMAR = re.compile(r"(head|neuron):(\d+)\.([\d,-]+)|(attn|mlp|layer|hidden):(\d+)|(resid|attn_out|mlp_out)\.(\d+)")
_SITE = {"attn": "attn_out", "mlp": "mlp_out"}
_ATTENTION_OUT = ("o_proj", "out_proj", "c_proj", "dense", "wo")
_MLP_OUT = ("down_proj", "c_proj", "dense_4h_to_h", "fc2", "fc_out", "w2", "wo")
WANTED = "wanted head:3.5, neuron:3.17, hidden:3, attn:3, mlp:3, layer:3 or a site such as resid.3"


@dataclass(frozen=True, slots=True)
class Name:
    """A parsed place."""

    kind: str
    """"head", "neuron", "hidden", "layer", "resid", "attn_out" or "mlp_out"."""
    block: int
    """From 1; 0 is the entry of the first block, for "resid" only."""
    index: tuple[int, ...] = ()
    """Heads or neurons, from 0."""


def parse(site: str) -> Name:
    """Read the name of a place. Raises `InterventionError`.

    >>> parse("head:3.5"), parse("mlp:2").kind, parse("neuron:1.0,4-6").index
    (Name(kind='head', block=3, index=(5,)), 'mlp_out', (0, 4, 5, 6))
    """
    match = _GRAMMAR.fullmatch(site)
    if match is None:
        raise InterventionError(f"{site!r} is not a place to change; {WANTED}")
    if match[1]:
        return Name(match[1], int(match[2]), _numbers(site, match[3]))
    kind, block = (match[4], match[5]) if match[4] else (match[6], match[7])
    return Name(_SITE.get(kind, kind), int(block))


def _numbers(site: str, text: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if ends is None or int(ends[2] or ends[1]) < int(ends[1]):
            raise InterventionError(f"{site!r}: {part!r} is not a number or a range such as 4-6; {WANTED}")
        found += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Target:
    """A place found in one model."""

    name: str
    module: nn.Module
    """Hooked before its forward ("in") or after it ("out"); "added" is what it returns minus what it was given."""
    side: str
    columns: tuple[int, ...] = ()
    """Which entries of the last axis; empty is all of them."""
    width: int = 0
    """Entries it has."""

    def hook(self, change: Callable[[torch.Tensor], torch.Tensor]) -> list[Any]:
        """Install `change` ((rows, positions, width) -> the same shape) as ordinary forward hooks; their handles."""
        if self.side == "in":
            return [self.module.register_forward_pre_hook(_before(self._edit(change)), with_kwargs=True)]
        if self.side == "out":
            return [self.module.register_forward_hook(_after(lambda given, out: self._edit(change)(out)),
                                                      with_kwargs=True)]  # fmt: skip
        return [self.module.register_forward_hook(_after(lambda given, out: given + change(out - given)),
                                                  with_kwargs=True)]  # fmt: skip

    def _edit(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        if not self.columns:
            return change
        first, last = self.columns[0], self.columns[-1] + 1
        whole = self.columns == tuple(range(first, last))  # a slice is read without a copy
        at: Any = slice(first, last) if whole else list(self.columns)

        def edit(value: torch.Tensor) -> torch.Tensor:
            changed = value.clone()
            changed[..., at] = change(value[..., at])
            return changed

        return edit


def _before(edit: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
    def hook(_: nn.Module, args: Any, kwargs: Any) -> Any:
        if args:
            return (edit(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": edit(kwargs["hidden_states"])}

    return hook


def _after(edit: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
    def hook(_: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        given = args[0] if args else kwargs.get("hidden_states")
        if isinstance(output, tuple):
            return (edit(given, output[0]), *output[1:])
        return edit(given, output)

    return hook


def find(model: Any, anatomy: Anatomy, site: str) -> Target:
    """The place `site` of a model. Raises `InterventionError` if the model has none, saying what it has."""
    name = parse(site)
    config = model.config.get_text_config()
    blocks = len(anatomy.blocks)
    least = 0 if name.kind == "resid" else 1
    if not least <= name.block <= blocks:
        raise InterventionError(f"{site!r}: this model has the blocks 1 to {blocks}")
    block = anatomy.blocks[max(0, name.block - 1)]
    if name.kind == "resid":
        return Target(site, block, "in" if name.block == 0 else "out", width=config.hidden_size)
    if name.kind == "layer":
        return Target(site, block, "added", width=config.hidden_size)
    if name.kind in ("attn_out", "mlp_out"):
        module = anatomy.module(f"{name.kind}.{name.block}")
        if module is None:
            raise InterventionError(f"{site!r}: no such part was found in this model's blocks; {WANTED}")
        return Target(site, module, "out", width=config.hidden_size)
    return _columns(site, name, block, config)


def _columns(site: str, name: Name, block: nn.Module, config: Any) -> Target:
    """Heads or neurons: columns of what an output projection reads; of "hidden" all."""
    parts = dict(block.named_modules())
    of = _ATTENTION_OUT if name.kind == "head" else _MLP_OUT
    inside = [(path, m) for path, m in parts.items() if path.rpartition(".")[2] in of and _in_width(m)]
    attention = [(path, m) for path, m in inside if "att" in path.rpartition(".")[0]]
    found = attention if name.kind == "head" else [pair for pair in inside if pair not in attention]
    if len(found) != 1:
        raise InterventionError(
            f"{site!r}: {len(found)} output projections were found in this model's blocks, wanted one; its parts are "
            f"{', '.join(path for path in parts if '.' in path)}"
        )
    module = found[0][1]
    width = _in_width(module)
    each = width // config.num_attention_heads if name.kind == "head" else 1
    most = width // each
    if wrong := [i for i in name.index if i >= most]:
        raise InterventionError(f"{site!r}: block {name.block} has the {name.kind}s 0 to {most - 1}, not {wrong}")
    if name.kind == "hidden":
        return Target(site, module, "in", width=width)
    columns = tuple(c for i in sorted(name.index) for c in range(i * each, (i + 1) * each))
    return Target(site, module, "in", columns, len(columns))


def _in_width(module: nn.Module) -> int:
    """Entries that a linear map reads; 0 for anything else. GPT-2 keeps its weights the other way round."""
    weight = getattr(module, "weight", None)
    if weight is None or weight.ndim != 2:
        return 0
    return int(weight.shape[0] if type(module).__name__ == "Conv1D" else weight.shape[1])


def check_additive(model: Any, anatomy: Anatomy, block: int) -> None:
    """Raises `InterventionError` unless block's output is its input plus what its attention and its MLP return.

    Elsewhere "taking away what it adds" by changing its output would take away more (Bloom's parts return the stream).
    """
    sites = [f"resid.{block - 1}", f"attn_out.{block}", f"mlp_out.{block}", f"resid.{block}"]
    if missing := sorted(set(sites) - set(anatomy.modules)):
        raise InterventionError(
            f"{missing[0]} was not found in this model, so that nothing can be taken from its stream"
        )
    ids = torch.ones(1, 2, dtype=torch.long, device=model.device)
    with torch.inference_mode(), anatomy.reading(anatomy.parse(sites).values()) as found:
        model(input_ids=ids)
    before, attention, mlp, after = (found[s] for s in sites)
    apart = (after - before - attention - mlp).float().norm() / (after - before).float().norm().clamp(min=1e-9)
    if not float(apart) < 0.02:
        raise InterventionError(
            f"block {block} of this model is not the sum of its input, its attention and its MLP (they are "
            f"{float(apart):.0%} apart): taking a part away would take more than that; change heads or neurons instead"
        )
