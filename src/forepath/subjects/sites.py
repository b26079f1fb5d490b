"""Where activations are read: the grammar of site names, and the plain forward hooks that read them.

    resid.3             residual stream after block 3; resid.0 is what enters the first block
    attn_out.3          what the attention of block 3 adds;   mlp_out.3  what its MLP adds   (blocks count from 1)
    logits              next-token logits
    resid.3:norm        the same, through the model's final norm
    resid.3@last4       the last 4 positions, oldest first, concatenated;   @mean  their mean;   @last  the default

Works on any architecture whose blocks are one `ModuleList` of `num_hidden_layers` modules. What a model offers is
found by name and then verified by running it once: a site whose hook is not called exactly once is not offered.
Knows nothing of tokenizers, prompts as text, or sampling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from forepath.errors import SiteError

_GRAMMAR = re.compile(r"(resid|attn_out|mlp_out)\.(\d+)(:norm)?(?:@(last(\d+)?|mean))?|(logits)(?:@(last(\d+)?|mean))?")
_ATTENTION = ("self_attn", "attn", "attention", "self_attention", "self_attn_layer")
_MLP = ("mlp", "feed_forward", "ffn", "ff", "block_sparse_moe", "moe")
_NORM = ("norm", "ln_f", "final_layer_norm", "final_layernorm", "norm_f", "final_norm", "layer_norm")


@dataclass(frozen=True, slots=True)
class Site:
    """A parsed site name."""

    module: str
    """`resid.3`, `attn_out.3`, `mlp_out.3` or `logits`."""
    norm: bool = False
    """Through the model's final norm."""
    last: int = 1
    """How many last positions, concatenated oldest first; 0 is the mean over all positions."""


def parse_site(name: str) -> Site:
    """Read a site name. Raises `SiteError`.

    >>> parse_site("resid.3:norm@last4")
    Site(module='resid.3', norm=True, last=4)
    >>> parse_site("logits")
    Site(module='logits', norm=False, last=1)
    """
    match = _GRAMMAR.fullmatch(name)
    if match is None or "0" in (match[5], match[8]):
        raise SiteError(
            f"{name!r} is not a site; wanted resid.N, attn_out.N, mlp_out.N or logits, then ':norm' if wanted (not on "
            "logits), then '@last', '@last4' or '@mean' if wanted, e.g. 'resid.3:norm@mean'"
        )
    module = match[6] or f"{match[1]}.{int(match[2])}"
    position, count = (match[7], match[8]) if match[6] else (match[4], match[5])
    return Site(module, bool(match[3]), 0 if position == "mean" else int(count or 1))


def place(hidden: torch.Tensor, lengths: torch.Tensor, last: int) -> torch.Tensor:
    """(rows, last * width), or (rows, width) for the mean, of `hidden` (rows, positions, width) padded on the right.

    `lengths` (rows,) are the real positions of each row. Positions before the first are NaN: not observed. Where only
    the last position was kept, (rows, width), there is nothing to look for.
    """
    if hidden.ndim == 2:
        if last == 1:
            return hidden
        hidden = hidden[:, None]
    if last == 0:
        real = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
        total = torch.where(real[..., None], hidden, 0).sum(1, dtype=torch.float32)
        return total / lengths[:, None]
    index = lengths[:, None] - torch.arange(last, 0, -1, device=hidden.device)
    rows = torch.arange(len(hidden), device=hidden.device)[:, None]
    picked = hidden[rows, index.clamp(min=0)]
    return picked.masked_fill((index < 0)[..., None], torch.nan).flatten(1)


class Anatomy:
    """The parts of one model that sites name."""

    def __init__(self, model: Any) -> None:
        """Find and verify the parts of `model`, a `transformers` causal language model: runs it on two tokens."""
        layers = model.config.get_text_config().num_hidden_layers
        lists = [m for m in model.modules() if isinstance(m, nn.ModuleList) and len(m) == layers]
        self.blocks = lists[0] if lists else nn.ModuleList()
        self.norm = self._final_norm(model)
        self._model = model
        self._hooked = self._candidates()
        found: dict[str, torch.Tensor] = {}
        calls: dict[str, int] = dict.fromkeys(self._hooked, 0)
        with self._hooks(self._hooked, found, calls), torch.inference_mode():
            model(input_ids=torch.ones(1, 2, dtype=torch.long, device=model.device))
        self._hooked = {
            name: module
            for name, module in self._hooked.items()
            if calls[name] == 1 and found[name].ndim == 3 and found[name].shape[:2] == (1, 2)
        }

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of everything that can be read, without suffixes."""
        return (*self._hooked, "logits")

    def module(self, name: str) -> nn.Module | None:
        """The module whose output (input, for `resid.0`) `name` is; None where this model has none."""
        return self._hooked.get(name)

    def parse(self, names: Iterable[str]) -> dict[str, Site]:
        """The sites of these names. Raises `SiteError` for one that this model does not have."""
        sites = {name: parse_site(name) for name in names}
        for name, site in sites.items():
            if site.module not in self.modules:
                raise SiteError(f"{name!r}: this model has no {site.module!r}; it offers {_ranges(self.modules)}")
            if site.norm and self.norm is None:
                raise SiteError(f"{name!r}: no final norm was found in this model; ask for it without ':norm'")
        return sites

    @contextmanager
    def reading(self, sites: Iterable[Site]) -> Iterator[dict[str, torch.Tensor]]:
        """Within, every forward pass leaves the outputs of the modules of `sites` in the dict; nothing else is kept."""
        found: dict[str, torch.Tensor] = {}
        wanted = {s.module: self._hooked[s.module] for s in sites if s.module in self._hooked}
        with self._hooks(wanted, found, {}):
            yield found

    def finish(self, hidden: torch.Tensor, site: Site, lengths: torch.Tensor) -> torch.Tensor:
        """The activation (rows, width) of a site from its module, (rows, positions, width) or (rows, width)."""
        if site.norm:
            assert self.norm is not None  # parse() saw to it
            hidden = self.norm(hidden)
        return place(hidden, lengths.to(hidden.device), site.last)

    def _candidates(self) -> dict[str, nn.Module]:
        hooked: dict[str, nn.Module] = {}
        for n, block in enumerate(self.blocks):
            hooked |= {"resid.0": block} if n == 0 else {}
            hooked[f"resid.{n + 1}"] = block
            children = dict(block.named_children())
            for kind, names in (("attn_out", _ATTENTION), ("mlp_out", _MLP)):
                hooked |= {f"{kind}.{n + 1}": children[c] for c in names[::-1] if c in children}
        return hooked

    def _final_norm(self, model: Any) -> nn.Module | None:
        """A child of the module that holds the blocks, named like a norm."""
        for parent in model.modules():
            if any(child is self.blocks for child in parent.children()):
                children = dict(parent.named_children())
                return next((children[name] for name in _NORM if name in children), None)
        return None

    @contextmanager
    def _hooks(
        self, modules: dict[str, nn.Module], found: dict[str, torch.Tensor], calls: dict[str, int]
    ) -> Iterator[None]:
        handles = []
        for name, module in modules.items():

            def keep(_: nn.Module, args: Any, kwargs: Any, output: Any = None, *, name: str = name) -> None:
                value = output
                if name == "resid.0":
                    value = args[0] if args else kwargs["hidden_states"]
                found[name] = value[0] if isinstance(value, tuple) else value
                calls[name] = calls.get(name, 0) + 1

            if name == "resid.0":
                handles.append(module.register_forward_pre_hook(keep, with_kwargs=True))
            else:
                handles.append(module.register_forward_hook(keep, with_kwargs=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _ranges(names: Iterable[str]) -> str:
    """Site names for a message: a run of numbers as its ends.

    >>> _ranges(["resid.0", "resid.1", "resid.2", "mlp_out.1", "logits"])
    'resid.0 to resid.2, mlp_out.1, logits'
    """
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.partition(".")[0], []).append(name)
    return ", ".join(v[0] if len(v) == 1 else f"{v[0]} to {v[-1]}" for v in kinds.values())
