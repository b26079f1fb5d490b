"""The blocks of a language model that training leaves alone: what they make of each prompt is worked out once.

With the last blocks trained and the first ones not, the residual stream that enters the trained ones is the same at
every step. Prompts are read through the first blocks when they are first seen; afterwards these are passed over, and
tokens of the trainer's own (a beginning, themes) enter above them. Works on any architecture whose blocks are one
`ModuleList`. Knows tokens, not what they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

KEPT = 1 << 30
"""Bytes of residual streams that are kept, at most; beyond, prompts are read again each time."""


class _Entered(Exception):
    """The last block to be trained around was reached: what enters it is known, the rest need not run."""


def blocks_of(body: Any) -> nn.ModuleList:
    """The blocks of a `transformers` model, first to last."""
    count = body.config.get_text_config().num_hidden_layers
    return next(m for m in body.modules() if isinstance(m, nn.ModuleList) and len(m) == count)


class Frozen:
    """The first `depth` blocks of `body`; its other blocks are fed from here. Takes over these blocks of that body."""

    def __init__(self, body: Any, depth: int) -> None:
        self.depth = depth
        self._body = body
        self._kept: dict[bytes, Tensor] = {}
        self._size = 0
        self._reading = False
        self._tuples: set[int] = set()
        """Of the blocks that give their output in a tuple."""
        self._given: Tensor | None = None
        self._entered = torch.zeros(0)
        blocks = blocks_of(body)
        for number, block in enumerate(blocks[:depth]):
            block.forward = self._passing(number, block.forward)
        blocks[depth].forward = self._entering(blocks[depth].forward)

    def streams(self, rows: Sequence[Tensor]) -> list[Tensor]:
        """Per prompt (tokens,) of like length: (tokens, width) of what enters the first block above, without gradient.

        Row i depends on rows[i] only.
        """
        keys = [row.numpy().tobytes() for row in rows]
        new = list({key: row for key, row in zip(keys, rows, strict=True) if key not in self._kept}.items())
        found = self._read([row for _, row in new]) if new else []
        fresh = {key: stream for (key, _), stream in zip(new, found, strict=True)}
        for key, stream in fresh.items():
            if self._size + stream.nbytes <= KEPT:
                self._kept[key], self._size = stream, self._size + stream.nbytes
        return [fresh[key] if key in fresh else self._kept[key] for key in keys]

    def forget(self) -> None:
        """Drop all that is kept."""
        self._kept, self._size = {}, 0

    def above(self, given: Tensor | None, **asked: Any) -> Any:
        """The body's answer to `asked` (its own arguments), run above the cut only.

        `given` (rows, tokens, width) takes the place of the last tokens there; those before enter as they are embedded.
        """
        self._given = given
        try:
            return self._body(**asked)
        finally:
            self._given = None

    def _read(self, rows: Sequence[Tensor]) -> list[Tensor]:
        longest = max(map(len, rows))
        tokens = torch.stack([nn.functional.pad(row, (longest - len(row), 0)) for row in rows])
        mask = torch.stack([torch.arange(longest) >= longest - len(row) for row in rows]).long()
        training, self._reading = self._body.training, True
        self._body.eval()  # what is kept must not hold one draw of dropout
        try:
            with torch.inference_mode(False), torch.no_grad():
                places = (mask.cumsum(dim=1) - 1).clamp(min=0)
                self._body(input_ids=tokens, attention_mask=mask, position_ids=places, use_cache=False)
        except _Entered:
            pass
        finally:
            self._reading = False
            self._body.train(training)
        entered, self._entered = self._entered, torch.zeros(0)
        return [stream[longest - len(row) :].clone() for stream, row in zip(entered, rows, strict=True)]

    def _passing(self, number: int, block: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **named: Any) -> Any:
            if not self._reading:
                hidden = args[0] if args else named["hidden_states"]
                return (hidden,) if number in self._tuples else hidden
            out = block(*args, **named)
            if isinstance(out, tuple):
                self._tuples.add(number)
            return out

        return forward

    def _entering(self, block: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **named: Any) -> Any:
            hidden = args[0] if args else named.pop("hidden_states")
            if self._reading:
                self._entered = hidden
                raise _Entered
            if self._given is not None:
                hidden = torch.cat([hidden[:, : -self._given.shape[1]], self._given], dim=1)
            return block(hidden, *args[1:], **named)

        return forward
