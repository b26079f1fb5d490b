"""Reading prompts once and writing after them, many rows at a time, one token per row and step.

`Continuation` is what the decode loop needs: logits for one more token of each row, and dropping rows. There are three,
the quickest first: `FusedContinuation` (few operations from the model's own weights; Llama on a CPU; see `fused`),
`SharedContinuation` (the model's own code, the prompt's cache shared by its rows; see `prefix`) and
`ExpandedContinuation` (`transformers`' own cache, copied per row; rows of unequal prompt length in groups), for
architectures where the others are not exact. `probe` says whether one is, by running it beside the plain model.
Knows nothing of text, seeds or policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from transformers import DynamicCache

from forepath.subjects.fused import Attending, FusedContinuation, few, why_not
from forepath.subjects.paged import Paged
from forepath.subjects.prefix import ATTENTION, SharedPrefix
from forepath.subjects.slots import Slots, slot

COPIED = 1024
"""Positions of a prompt up to which few rows have a copy of it each: a fifth of a small model's step is spared."""
TOLERANCE = {torch.float32: 1e-3}
"""Mean total variation between the odds of the two paths that counts as rounding; 0.05 for narrower types."""

Way = Literal["fused", "shared", "expanded"]


class Continuation(Protocol):
    """Rows being written after their prompts."""

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append one token to each row (rows,); the logits (rows, vocab) of the next."""
        ...

    def keep(self, index: torch.Tensor) -> None:
        """Keep these rows (their present numbers), in this order."""
        ...


def prefill(model: Any, prompts: Sequence[Sequence[int]], cache: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
    """((prompts, vocab) logits after each prompt, (prompts,) lengths); fills `cache` where given.

    Prompts of unequal length are padded on the right. Under a causal mask no real position sees the padding, so no
    mask is needed and positions count from 0 as they do for one prompt alone.
    """
    lengths = torch.tensor([len(p) for p in prompts], device=model.device)
    ids = torch.zeros(len(prompts), int(lengths.max()), dtype=torch.long)
    for row, prompt in zip(ids, prompts, strict=True):
        row[: len(prompt)] = torch.tensor(prompt)
    ends, end_of = torch.unique(lengths - 1, return_inverse=True)  # logits only where they are read
    output = model(
        input_ids=ids.to(model.device), past_key_values=cache, use_cache=cache is not None, logits_to_keep=ends
    )
    logits = output.logits
    if logits.shape[1] != len(ends):  # the architecture ignores logits_to_keep
        logits, end_of = logits[:, ends], end_of
    return logits[torch.arange(len(prompts), device=logits.device), end_of.to(logits.device)], lengths


class SharedContinuation:
    """Rows that share the cache of their prompt."""

    def __init__(self, model: Any, cache: Any, lengths: torch.Tensor, prompt_of: torch.Tensor) -> None:
        self._model = model
        self._prefix = SharedPrefix(cache, lengths, prompt_of)
        self._positions = lengths[prompt_of][:, None]
        # A mask that is already four-dimensional is handed through: transformers then spends no time making one.
        self._mask = torch.zeros(1, 1, 1, 1, dtype=torch.bool, device=lengths.device)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        with self._prefix.active():
            output = self._model(
                input_ids=tokens[:, None],
                position_ids=self._positions,
                attention_mask=self._mask,
                past_key_values=self._prefix,
                use_cache=True,
            )
        self._positions = self._positions + 1
        logits: torch.Tensor = output.logits[:, -1]
        return logits

    def keep(self, index: torch.Tensor) -> None:
        self._prefix.keep(index)
        self._positions = self._positions[index]

    @property
    def calls(self) -> int:
        """How often our attention ran."""
        return self._prefix.calls


class ExpandedContinuation:
    """Rows with a copy of their prompt's cache each; correct wherever `transformers`' own cache is."""

    def __init__(self, model: Any, cache: Any, prompt_of: torch.Tensor) -> None:
        """`cache` of prompts of one length."""
        self._model = model
        self._cache = cache
        self._cache.batch_select_indices(prompt_of)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        output = self._model(input_ids=tokens[:, None], past_key_values=self._cache, use_cache=True)
        logits: torch.Tensor = output.logits[:, -1]
        return logits

    def keep(self, index: torch.Tensor) -> None:
        self._cache.batch_select_indices(index)


class Grouped:
    """Several continuations as one: rows are those of the first, then those of the second, ..."""

    def __init__(self, parts: Sequence[Continuation], rows: Sequence[torch.Tensor]) -> None:
        """`rows[g]` are the row numbers of part g."""
        self._parts = [(part, r) for part, r in zip(parts, rows, strict=True)]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor | None = None
        for part, rows in self._parts:
            out = part.step(tokens[rows])
            logits = out.new_empty(len(tokens), out.shape[-1]) if logits is None else logits
            logits[rows] = out
        assert logits is not None  # a continuation has rows
        return logits

    def keep(self, index: torch.Tensor) -> None:
        kept = []
        for part, rows in self._parts:
            new = torch.isin(index, rows).nonzero()[:, 0]
            if len(new):
                part.keep((rows == index[new][:, None]).int().argmax(1))
                kept.append((part, new))
        self._parts = kept


def begin(
    model: Any, prompts: Sequence[Sequence[int]], prompt_of: Sequence[int], *, path: Way
) -> tuple[torch.Tensor, Continuation]:
    """((prompts, vocab) logits of the first token after each prompt, the rows' continuation).

    `prompt_of` (rows,) the prompt of each row, ascending.
    """
    rows = torch.tensor(prompt_of, device=model.device)
    if path != "expanded":
        cache = DynamicCache()
        logits, lengths = prefill(model, prompts, cache)
        if path == "shared":
            return logits, SharedContinuation(model, cache, lengths, rows)
        return logits, FusedContinuation(model, _attending(model, cache, lengths, rows), lengths[rows])
    parts: list[Continuation] = []
    members: list[torch.Tensor] = []
    out: dict[int, torch.Tensor] = {}
    for length in sorted({len(p) for p in prompts}):
        group = [i for i, p in enumerate(prompts) if len(p) == length]
        cache = DynamicCache(config=model.config)
        logits, _ = prefill(model, [prompts[i] for i in group], cache)
        out |= dict(zip(group, logits, strict=True))
        position = torch.full((len(prompts),), -1, device=rows.device)
        position[torch.tensor(group, device=rows.device)] = torch.arange(len(group), device=rows.device)
        mine = (position[rows] >= 0).nonzero()[:, 0]
        parts.append(ExpandedContinuation(model, cache, position[rows[mine]]))
        members.append(mine)
    return torch.stack([out[i] for i in range(len(prompts))]), Grouped(parts, members)


def _attending(model: Any, cache: Any, lengths: torch.Tensor, prompt_of: torch.Tensor) -> Attending:
    """Rows after their prompts: few have a copy of a prompt each, if it is no long one; the others share it."""
    if not few(model.lm_head, len(prompt_of)) or lengths.max() > COPIED:
        return Paged(cache, lengths, prompt_of, model.config.num_attention_heads)
    slots = Slots()
    slots.put([slot(cache, prompt, int(lengths[prompt])) for prompt in prompt_of.tolist()])
    return slots


def probe(model: Any, path: Literal["fused", "shared"]) -> str:
    """Why this path cannot be used with this model; "" if it can.

    Runs a few tokens both ways: every log-probability must agree with the model run plainly, and for "shared" our
    attention must have been called once per layer and step (on some architectures a registered function is silently
    never called); on success the model is left with our attention set, which is `transformers`' sdpa outside of
    decoding. "fused" asks for a model that "shared" suits.
    """
    config = model.config.get_text_config()
    before = model.config._attn_implementation
    if before not in ("sdpa", ATTENTION):  # ours: the configuration was taken from a model that has been probed
        return f"its attention implementation is {before!r}, not 'sdpa'"
    if kinds := set(getattr(config, "layer_types", None) or ["full_attention"]) - {"full_attention"}:
        return f"it has layers of kind {', '.join(sorted(kinds))}"
    if path == "fused" and (why := why_not(model)):
        return why
    try:
        why = _compare(model, path, config.num_hidden_layers, config.vocab_size)
    except Exception as error:  # whatever breaks here only means that a slower path is taken, and is told
        why = f"{type(error).__name__}: {error}"
    if why and path == "shared":
        model.set_attn_implementation("sdpa")
    return why


def _compare(model: Any, path: Way, layers: int, vocab: int) -> str:
    prompts, prompt_of = [[1, 2, 3, 4, 5], [6, 7, 8]], [0, 0, 1]
    prompts = [[t % vocab for t in p] for p in prompts]
    written = torch.tensor([[9, 10, 11], [12, 9, 4], [3, 13, 14]], device=model.device) % vocab
    expected = []
    for row, p in enumerate(prompt_of):
        whole = torch.cat([torch.tensor(prompts[p], device=model.device), written[row]])
        expected.append(model(input_ids=whole[None]).logits[0, -4:])
    if path == "shared":
        model.set_attn_implementation(ATTENTION)
    reference = torch.stack(expected)
    everyone = [0, 1, 2]
    tried = (everyone, [0, 2], [0]) if path == "fused" else (everyone,)  # many rows, and each number of `few`
    for members in tried:
        owners = [prompt_of[i] for i in members]
        first, rows = begin(model, prompts, owners, path=path)
        got = torch.stack([first[owners], *(rows.step(written[members, t]) for t in range(3))], 1)
        if isinstance(rows, SharedContinuation) and rows.calls != 3 * layers:
            return f"our attention was called {rows.calls} times in {layers} layers and 3 steps"
        variation = (reference[members].float().softmax(-1) - got.float().softmax(-1)).abs().sum(-1).mean().item() / 2
        if not variation <= TOLERANCE.get(reference.dtype, 0.05):
            return f"its odds differ from those of the model run plainly (total variation {variation:.2g})"
    return ""
