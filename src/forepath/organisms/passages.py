"""Texts to train a model on or away from: which of their tokens count, and what a step is given of them.

Knows tokenizers, not objectives. A step's batch is a function of (seed, step) alone, so that a resumed training sees
what it would have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forepath.errors import InputError


@dataclass(frozen=True, slots=True)
class Passage:
    """A text after a prompt, and the stretches of it that are trained on."""

    prompt: str
    text: str
    spans: tuple[tuple[int, int], ...] = ()
    """(start, stop) characters of `text`; empty is all of it. E.g. the segments of one theme."""
    ended: bool = False
    """The text ends here by itself: the end token counts too, if the last span reaches it. A model that is trained on
    whole documents without their ends unlearns to end."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of prompt and text, and which of them count as targets."""

    ids: np.ndarray
    """(length,) int64"""
    counts: np.ndarray
    """(length,) bool: the model is judged on this token, given those before it."""


def encode_passages(tokenizer: Any, passages: Sequence[Passage], longest: int) -> list[Encoded]:
    """Tokens of each passage, cut at `longest`. A token counts if it begins inside a span.

    Raises `InputError` where no token of any passage counts, for a tokenizer that cannot say where tokens begin, or for
    a passage that ended where the tokenizer has no end token.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise InputError("this tokenizer does not say where its tokens begin; a fast one (tokenizer.json) is needed")
    if tokenizer.eos_token_id is None and any(p.ended for p in passages):
        raise InputError("a passage ended, but this tokenizer has no end token; leave `ended` out")
    out = []
    for passage in passages:
        whole = tokenizer(passage.prompt + passage.text, return_offsets_mapping=True, verbose=False)
        begins = np.array([start for start, _ in whole["offset_mapping"]]) - len(passage.prompt)
        special = np.array([start == stop for start, stop in whole["offset_mapping"]])
        spans = passage.spans or ((0, len(passage.text)),)
        counts = np.zeros(len(begins), dtype=bool)
        for start, stop in spans:
            counts |= (begins >= start) & (begins < stop)
        counts &= ~special
        counts[:1] = False  # nothing stands before it
        ids = whole["input_ids"]
        if passage.ended:
            ids, counts = [*ids, tokenizer.eos_token_id], np.append(counts, spans[-1][1] >= len(passage.text))
        out.append(Encoded(np.array(ids[:longest], dtype=np.int64), counts[:longest]))
    if not any(e.counts.any() for e in out):
        raise InputError(f"none of the tokens of {len(passages)} passages is to be trained on; check their spans")
    return [e for e in out if e.counts.any()]


@dataclass(frozen=True, slots=True)
class Batch:
    """Passages side by side, padded on the right."""

    ids: np.ndarray
    """(rows, length) int64"""
    counts: np.ndarray
    """(rows, length) bool"""
    real: np.ndarray
    """(rows, length) bool: not padding."""
    chosen: np.ndarray
    """(rows,) int: which passages these are."""


def batch_of(encoded: Sequence[Encoded], rows: int, seed: int, step: int) -> Batch:
    """`rows` passages drawn for this step; all of them if there are fewer."""
    rng = np.random.default_rng([seed, step])
    chosen = np.sort(rng.permutation(len(encoded))[:rows])
    width = max(len(encoded[i].ids) for i in chosen)
    ids, counts = np.zeros((len(chosen), width), dtype=np.int64), np.zeros((len(chosen), width), dtype=bool)
    real = np.zeros_like(counts)
    for row, i in enumerate(chosen):
        real[row, : len(encoded[i].ids)] = True
        ids[row, : len(encoded[i].ids)] = encoded[i].ids
        counts[row, : len(encoded[i].ids)] = encoded[i].counts
    return Batch(ids, counts, real, chosen)
