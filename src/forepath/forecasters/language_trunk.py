"""The blocks of a causal language model as a trunk: they read a prompt, then write themes. Needs torch, transformers.

The prompt is either activations, through a learned map into the model's width, and a `<begin>` (retrofit), or the
tokens of its text (fine-tuning; `<begin>` where it has none). Themes have vectors of their own; what comes out at the
last of these and after each theme is added to given logits by a last layer that starts at zero. Prompts of like length
are read together. Loads safetensors only and runs no code of a checkpoint.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from forepath.forecasters.frozen import Frozen
from forepath.organisms import bundled
from forepath.subjects import checkpoint

PAD = -1
"""Token id of a place that holds no token, on the left of shorter prompts."""

Kept = list[tuple[Tensor, Tensor]]
"""Per block that is run: keys and values (prompts, heads, tokens, width of a head)."""
Memory = tuple[Tensor, Tensor, list[tuple[Kept, Tensor]]]
"""(prompts,) the group of each prompt and its place there; per group, of prompts of like length, what is kept, and
(prompts, tokens) 1 where there is a token."""

TOKENS = 8192
"""Of a group, at most, padding counted."""


class LanguageTrunk(nn.Module):
    """`body` is a `transformers` model without its unembedding, whose cache holds keys and values."""

    def __init__(self, body: Any, *, themes: int, width: int | None, frozen: Frozen | None = None) -> None:
        """`width` of the activations that are read; None: prompts are tokens, (prompts, longest) long, `PAD` left.
        `frozen`: blocks of `body` that are passed over; tokens only.
        """
        super().__init__()
        self.body, self.frozen = body, frozen
        self._together: bool | None = None
        """Whether all chains of a prompt can be written in one row; not tried yet."""
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
        """(prompts, reads, width) or (prompts, tokens) -> ((prompts, themes) at their end, what `write` needs)."""
        groups = [torch.arange(len(reads))] if self.enter is not None else _of_like_length((reads != PAD).sum(dim=1))
        group, place = torch.zeros(2, len(reads), dtype=torch.long)
        logits, kept = [], []
        for number, rows in enumerate(groups):
            group[rows], place[rows] = number, torch.arange(len(rows))
            out = self._read(reads[rows])
            logits.append(out[0])
            kept.append(out[1])
        return _put_back(logits, groups), (group, place, kept)

    def write(self, memory: Memory, owner: Tensor, themes: Tensor, *, last: bool = False) -> Tensor:
        """(n,) prompts and their (n, length) themes so far -> (n, length, themes), after each theme; `last`: only after
        the last one, (n, 1, themes).
        """
        group, place, kept = memory
        mine = {
            number: torch.nonzero(group[owner] == number).flatten() for number in torch.unique(group[owner]).tolist()
        }
        if self._together is None:
            self._together = self._agrees(kept[int(group[owner[0]])], place[owner[:1]])
        write = self._write_together if self._together else self._write
        logits = [write(kept[n], place[owner[rows]], themes[rows], last) for n, rows in mine.items()]
        return _put_back(logits, list(mine.values()))

    def _read(self, reads: Tensor) -> tuple[Tensor, tuple[Kept, Tensor]]:
        given, begin = None, self.begin.expand(len(reads), 1, -1)
        if self.enter is not None:
            inside = torch.cat([self.enter(reads), begin], dim=1)
            mask = torch.ones(inside.shape[:2], dtype=torch.long)
        else:
            longest = int((reads != PAD).sum(dim=1).max())
            tokens = reads[:, reads.shape[1] - longest :]  # of these prompts, whatever others there are
            mask = (tokens != PAD).long()
            if self.frozen is None or not longest:
                inside = self.body.get_input_embeddings()(tokens.clamp(min=0))
            else:
                streams = self.frozen.streams([row[row != PAD] for row in tokens])
                given = torch.stack([nn.functional.pad(s, (0, 0, longest - len(s), 0)) for s in streams])
                inside = torch.zeros_like(given)
            inside = torch.cat([begin, inside], dim=1)
            mask = torch.cat([(mask.sum(dim=1, keepdim=True) == 0).long(), mask], dim=1)
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        out = self._run(given, inputs_embeds=inside, attention_mask=mask, position_ids=places,
                        past_key_values=DynamicCache(), use_cache=True)  # fmt: skip
        kept = [(layer.keys, layer.values) for layer in out.past_key_values.layers]
        logits: Tensor = self.leave(out.last_hidden_state[:, -1])
        return logits, (kept[self.frozen.depth if self.frozen else 0 :], mask)

    def _write(self, memory: tuple[Kept, Tensor], owner: Tensor, themes: Tensor, last: bool) -> Tensor:
        kept, mask = memory
        cache, before = DynamicCache(), mask[owner]
        below = self.frozen.depth if self.frozen else 0
        for number in range(below):  # nothing is looked up there, but lengths are read from the first
            cache.update(nothing := torch.zeros(len(owner), 1, before.shape[1], 1), nothing, number)
        for number, (keys, values) in enumerate(kept):
            cache.update(keys.index_select(0, owner), values.index_select(0, owner), number + below)
        whole = torch.cat([before, torch.ones_like(themes)], dim=1)
        places = before.sum(dim=1, keepdim=True) + torch.arange(themes.shape[1])
        out = self._run(None, inputs_embeds=self.themes(themes), attention_mask=whole, position_ids=places,
                        past_key_values=cache)  # fmt: skip
        hidden = out.last_hidden_state
        logits: Tensor = self.leave(hidden[:, -1:] if last else hidden)
        return logits

    def _write_together(self, memory: tuple[Kept, Tensor], owner: Tensor, themes: Tensor, last: bool) -> Tensor:
        """As `_write`, all chains of a prompt in one row behind it: its keys and values are not copied for each.

        A theme sees the prompt and those before it in its own chain; the mask says so.
        """
        kept, mask = memory
        order = torch.argsort(owner, stable=True)
        prompts, row = torch.unique_consecutive(owner[order], return_inverse=True)
        rank = torch.arange(len(owner)) - torch.searchsorted(row, row)
        most, length = int(rank.max()) + 1, themes.shape[1]
        tokens = torch.zeros(len(prompts), most, length, dtype=torch.long)
        tokens[row, rank] = themes[order]
        before = mask.index_select(0, prompts)
        own = torch.kron(torch.eye(most), torch.ones(length, length).tril()).bool()
        sees = torch.cat([before.bool()[:, None].expand(-1, len(own), -1), own.expand(len(prompts), -1, -1)], dim=2)
        cache, below = DynamicCache(), self.frozen.depth if self.frozen else 0
        for number in range(below):  # nothing is looked up there, but lengths are read from the first
            cache.update(nothing := torch.zeros(len(prompts), 1, before.shape[1], 1), nothing, number)
        for number, (keys, values) in enumerate(kept):
            cache.update(keys.index_select(0, prompts), values.index_select(0, prompts), number + below)
        places = before.sum(dim=1)[:, None, None] + torch.arange(length).expand(len(prompts), most, -1)
        out = self._run(
            None, inputs_embeds=self.themes(tokens).flatten(1, 2), position_ids=places.flatten(1),
            attention_mask=torch.where(sees, 0.0, torch.finfo(torch.float32).min)[:, None], past_key_values=cache,
        )  # fmt: skip
        hidden = out.last_hidden_state.unflatten(1, (most, length))[row, rank]
        logits: Tensor = self.leave(hidden[:, -1:] if last else hidden)
        return logits[torch.argsort(order)]

    def _agrees(self, memory: tuple[Kept, Tensor], owner: Tensor) -> bool:
        """Whether this architecture takes the mask that `_write_together` needs: found by trying, after one prompt."""
        owner, themes = owner.repeat(3), torch.arange(6).view(3, 2) % self.themes.num_embeddings
        training = self.training
        self.eval()
        heads = torch.randn_like(self.leave.weight), self.leave.weight.data
        self.leave.weight.data = heads[0]
        try:
            with torch.no_grad():
                alone = self._write(memory, owner, themes, False)
                return torch.allclose(self._write_together(memory, owner, themes, False), alone, atol=1e-3)
        except Exception:  # whatever a model raises at a mask of four axes
            return False
        finally:
            self.leave.weight.data = heads[1]
            self.train(training)

    def _run(self, given: Tensor | None, **asked: Any) -> Any:
        return self.body(**asked) if self.frozen is None else self.frozen.above(given, **asked)


def _of_like_length(lengths: Tensor) -> list[Tensor]:
    """Indices in groups, the longest first, hardly any shorter than three quarters of the longest of its group; prompts
    without tokens stay among themselves.
    """
    order = torch.argsort(lengths, descending=True, stable=True).tolist()
    groups: list[list[int]] = []
    for row in order:
        longest, mine = int(lengths[groups[-1][0]]) if groups else 0, int(lengths[row])
        apart = 4 * mine < 3 * longest - 16 or (longest > 0 and not mine)
        if not groups or apart or (len(groups[-1]) + 1) * longest > TOKENS:
            groups.append([])
        groups[-1].append(row)
    return [torch.tensor(group) for group in groups]


def _put_back(parts: list[Tensor], rows: list[Tensor]) -> Tensor:
    """The parts as one, each row where `rows` says."""
    return torch.cat(parts)[torch.argsort(torch.cat(rows))]


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
