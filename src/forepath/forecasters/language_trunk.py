"""The blocks of a causal language model as a trunk: they read a prompt, then write themes. Needs torch, transformers.

The prompt is either activations, through a learned map into the model's width (retrofit), or the tokens of its text
(fine-tuning). Themes have vectors of their own; what comes out at `<begin>` and after each theme is added to given
logits by a last layer that starts at zero. Loads safetensors only and runs no code of a checkpoint.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor, nn

from forepath.organisms import bundled
from forepath.subjects import checkpoint

PAD = -1
"""Token id of a place that holds no token, on the left of shorter prompts."""

Memory = tuple[list[tuple[Tensor, Tensor]], Tensor]
"""Per block keys and values (prompts, heads, tokens, width of a head); (prompts, tokens) 1 where there is a token."""


class LanguageTrunk(nn.Module):
    """`body` is a `transformers` model without its unembedding, whose cache holds keys and values."""

    def __init__(self, body: Any, *, themes: int, width: int | None) -> None:
        """`width` of the activations that are read; None: prompts are tokens, (prompts, longest) long, `PAD` left."""
        super().__init__()
        self.body = body
        self.config = json.loads(body.config.to_json_string(use_diff=False))
        model = body.config.get_text_config().hidden_size
        self.enter = None if width is None else nn.Linear(width, model)
        if self.enter is not None:
            nn.init.normal_(self.enter.weight, std=0.1 / width**0.5)  # type: ignore[operator]
        self.begin = nn.Parameter(0.1 * torch.randn(model))
        self.themes = nn.Embedding(themes, model)
        nn.init.normal_(self.themes.weight, std=0.1)
        self.leave = nn.Linear(model, themes)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def read(self, reads: Tensor) -> tuple[Tensor, Memory]:
        """(prompts, reads, width) or (prompts, tokens) -> ((prompts, themes) at `<begin>`, what `write` needs)."""
        if self.enter is None:
            longest = int((reads != PAD).sum(dim=1).max())
            tokens = reads[:, reads.shape[1] - longest :]  # of these prompts, whatever others there are
            inside, mask = self.body.get_input_embeddings()(tokens.clamp(min=0)), (tokens != PAD).long()
        else:
            inside = self.enter(reads)
            mask = torch.ones(inside.shape[:2], dtype=torch.long)
        inside = torch.cat([inside, self.begin.expand(len(inside), 1, -1)], dim=1)
        mask = nn.functional.pad(mask, (0, 1), value=1)
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        out = self.body(inputs_embeds=inside, attention_mask=mask, position_ids=places, use_cache=True)
        kept = [(layer.keys, layer.values) for layer in out.past_key_values.layers]
        logits: Tensor = self.leave(out.last_hidden_state[:, -1])
        return logits, (kept, mask)

    def write(self, memory: Memory, owner: Tensor, themes: Tensor, *, last: bool = False) -> Tensor:
        """(n,) prompts and their (n, length) themes so far -> (n, length, themes), after each theme; `last`: only after
        the last one, (n, 1, themes).
        """
        from transformers import DynamicCache

        kept, mask = memory
        cache = DynamicCache()
        for number, (keys, values) in enumerate(kept):
            cache.update(keys[owner], values[owner], number)
        before = mask[owner]
        whole = torch.cat([before, torch.ones_like(themes)], dim=1)
        places = before.sum(dim=1, keepdim=True) + torch.arange(themes.shape[1])
        out = self.body(
            inputs_embeds=self.themes(themes), attention_mask=whole, position_ids=places, past_key_values=cache
        )
        hidden = out.last_hidden_state
        logits: Tensor = self.leave(hidden[:, -1:] if last else hidden)
        return logits


def load_body(path_or_id: str, *, embeddings: bool) -> Any:
    """The blocks of a bundled model, a directory or a hub id, in float32; without its token embeddings if not wanted.

    Raises `CheckpointError` before anything is loaded.
    """
    from transformers import AutoModel

    name = bundled.path(path_or_id) if path_or_id in bundled.names() else path_or_id
    folder = checkpoint.resolve(name)
    checkpoint.check(folder, trust_remote_code=False)
    body = AutoModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    return body if embeddings else _bare(body)


def body_of(config: dict[str, Any]) -> Any:
    """New blocks without token embeddings, of a configuration that `LanguageTrunk.config` gave; to be filled."""
    from transformers import AutoConfig, AutoModel

    known = AutoConfig.for_model(config["model_type"], **{k: v for k, v in config.items() if k != "model_type"})
    return _bare(AutoModel.from_config(known, dtype=torch.float32))  # type: ignore[no-untyped-call]


def _bare(body: Any) -> Any:
    width = body.get_input_embeddings().weight.shape[1]
    body.set_input_embeddings(nn.Embedding(1, width))
    return body
