"""Bits per byte of a model on held-out books, beside a Kneser-Ney 5-gram and two compressors, on the same text.

The 5-gram reads the model's own tokens and is counted on the model's own training books, so the two differ only in
how they predict. The compressors see one book at a time and nothing else: a floor for what needs no training.
"""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forepath.organisms.intervals import ratio_interval
from forepath.organisms.library import Book
from forepath.organisms.ngram import KneserNey

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

ORDER = 5
CHARACTERS = 100_000
"""Of each book, from its beginning: keeps the measurement to minutes."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many bits one method needs for a byte of held-out text."""

    method: str
    bits_per_byte: float
    low: float
    """Lower end of the 95 % bootstrap interval, over books."""
    high: float
    books: int


def window_losses(
    subject: HuggingFaceSubject, tokens: np.ndarray, *, rows: int = 8, report: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """-log P of every token after the first of one text (n,), nats: (n - 1,) float32.

    Windows of the whole context overlap by half: after the first, a token has at least half a context before it.
    """
    import torch

    context = subject.context or 1024
    starts = range(0, max(1, len(tokens) - 1 - context // 2), context // 2)
    losses = np.empty(len(tokens) - 1, dtype=np.float32)
    with torch.inference_mode():
        for first in range(0, len(starts), rows):
            part = starts[first : first + rows]
            block = np.zeros((len(part), context + 1), dtype=np.int64)
            for row, start in enumerate(part):
                piece = tokens[start : start + context + 1]
                block[row, : len(piece)] = piece
            both = torch.from_numpy(block).to(subject.model.device)
            logits = subject.model(input_ids=both[:, :-1]).logits.float()
            found = torch.nn.functional.cross_entropy(logits.transpose(1, 2), both[:, 1:], reduction="none")
            for row, start in enumerate(part):
                skip = context // 2 if start else 0
                stop = min(start + context, len(losses))
                losses[start + skip : stop] = found[row, skip : stop - start].cpu().numpy()
            if report is not None:
                report(min(first + rows, len(starts)), len(starts))
    return losses


def rates(
    subject: HuggingFaceSubject,
    train: Sequence[Book],
    test: Sequence[Book],
    *,
    characters: int = CHARACTERS,
    report: Callable[[int, int], None] | None = None,
) -> list[Rate]:
    """The table, best first: the model by its name, `kneser_ney_5`, `gzip_9`, `xz_9e`.

    `report(done, total)` is called after each book.
    """
    tokenizer = subject.tokenizer
    texts = [book.text[:characters] for book in test]
    size = np.array([len(t.encode()) for t in texts], dtype=float)
    tokens = [np.array(ids, dtype=np.int64) for ids in tokenizer(texts, verbose=False)["input_ids"]]
    known = tokenizer([book.text for book in train], verbose=False)["input_ids"]
    rival = KneserNey(ORDER, len(tokenizer)).fit(np.concatenate([np.array(ids, dtype=np.int64) for ids in known]))
    nats = []
    for i, row in enumerate(tokens):
        nats.append(float(window_losses(subject, row).sum(dtype=float)))
        if report is not None:
            report(i + 1, len(tokens))
    bits = {
        subject.name: np.array(nats) / np.log(2),
        f"kneser_ney_{ORDER}": np.array([rival.losses(row)[1:].sum() for row in tokens]) / np.log(2),
        "gzip_9": np.array([8.0 * len(gzip.compress(t.encode(), 9, mtime=0)) for t in texts]),
        "xz_9e": np.array([8.0 * len(lzma.compress(t.encode(), preset=9 | lzma.PRESET_EXTREME)) for t in texts]),
    }
    table = [Rate(m, float(b.sum() / size.sum()), *ratio_interval(b, size), len(texts)) for m, b in bits.items()]
    return sorted(table, key=lambda rate: rate.bits_per_byte)
