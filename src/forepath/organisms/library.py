"""`library`: a small model of real English prose, verse, plays, letters and science (public-domain books).

The corpus is a gzip of JSON lines (`kind`, `author`, `title`, `text`). Whole books are held out, by title, in every
kind: two for validation and two for the final test. The package carries the finished checkpoint; the corpus is needed
only to train it again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forepath.errors import InputError
from forepath.organisms.tokenizers import train_tokenizer
from forepath.organisms.training import Part, Recipe

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

RECIPE = Recipe(
    name="library", vocab_size=8192, width=256, layers=6, heads=4, context=512, rows=16, steps=2400,
    store_dtype="bfloat16",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Book:
    """One public-domain book or part of one."""

    kind: str
    author: str
    title: str
    text: str


def read_books(path: Path) -> list[Book]:
    """All books of a corpus file. Raises `InputError` if it is missing or malformed."""
    if not path.exists():
        raise InputError(f"no corpus at {path}; give --data FILE (gzip of JSON lines: kind, author, title, text)")
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            return [Book(r["kind"], r["author"], r["title"], r["text"]) for r in map(json.loads, stream)]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is not a gzip of JSON lines with kind, author, title, text: {error}") from error


def split_books(books: list[Book], held: int = 2) -> dict[str, list[Book]]:
    """{'train', 'validation', 'test'}: in every kind the first `held` titles by hash are test, the next validation.

    Books are held out whole, and all parts that share a title go to one side.
    """
    sides: dict[str, list[Book]] = {"train": [], "validation": [], "test": []}
    for kind in sorted({b.kind for b in books}):
        titles = sorted({b.title for b in books if b.kind == kind}, key=lambda t: hashlib.sha256(t.encode()).digest())
        for book in (b for b in books if b.kind == kind):
            place = titles.index(book.title)
            sides["test" if place < held else "validation" if place < 2 * held else "train"].append(book)
    return sides


LONG = 120
"""Characters from which a paragraph is too long to be repeated by chance."""


def paragraphs(book: Book) -> list[str]:
    """The paragraphs of a book, without empty ones."""
    return [p for p in (p.strip() for p in book.text.split("\n\n")) if p]


def without_copies(books: list[Book], train: list[Book], most: float = 0.01) -> list[Book]:
    """The books of which at most a share of `most` of the long paragraphs stands word for word in the training books.

    The same work can come in two editions under two titles, and then held out by title is not held out.
    """
    seen = {p for book in train for p in paragraphs(book) if len(p) > LONG}

    def copied(book: Book) -> float:
        long = [p for p in paragraphs(book) if len(p) > LONG]
        return sum(p in seen for p in long) / max(1, len(long))

    return [book for book in books if copied(book) <= most]


@dataclass(frozen=True, slots=True)
class Passage:
    """The beginning of a continuation: some paragraphs of a held-out book."""

    text: str
    """Whole paragraphs, ending in a blank line."""
    kind: str
    author: str
    title: str


def prompts(
    books: list[Book], tokenizer: PreTrainedTokenizerFast, n: int, seed: int = 0, *, most_tokens: int = 100
) -> list[Passage]:
    """`n` passages of at most `most_tokens` tokens that end at a paragraph's end, kinds in turn, none twice.

    Raises `InputError` where the books have fewer such passages.
    """
    rng = np.random.default_rng(seed)
    pools: dict[str, list[Passage]] = {}
    for kind in sorted({b.kind for b in books}):
        pool = [p for b in books if b.kind == kind for p in _passages(b, tokenizer, most_tokens)]
        pools[kind] = [pool[i] for i in rng.permutation(len(pool))]
    turns = (p for row in zip_longest(*pools.values()) for p in row if p is not None)
    chosen = list(islice(turns, n))
    if len(chosen) < n:
        raise InputError(f"asked for {n} passages of at most {most_tokens} tokens; these books have {len(chosen)}")
    return chosen


def _passages(book: Book, tokenizer: PreTrainedTokenizerFast, most_tokens: int) -> list[Passage]:
    """Disjoint runs of paragraphs, each as long as fits; a paragraph that is too long by itself is skipped."""
    texts = [p + "\n\n" for p in paragraphs(book)[:-1]]  # Something must follow.
    sizes = [len(ids) - 1 for ids in tokenizer(texts)["input_ids"]] if texts else []
    found, run, size = [], "", 1
    for text, more in zip(texts, sizes, strict=True):
        if run and size + more > most_tokens:
            found.append(Passage(run, book.kind, book.author, book.title))
            run, size = "", 1
        if size + more <= most_tokens:
            run, size = run + text, size + more
    return found


def library_tokenizer(train: list[Book], recipe: Recipe = RECIPE) -> PreTrainedTokenizerFast:
    """The tokenizer of the training books, paragraph by paragraph."""
    return train_tokenizer((p for b in train for p in b.text.split("\n\n")), recipe.vocab_size)


def origin(data: Path, sides: dict[str, list[Book]]) -> dict[str, str | int]:
    """What a model was trained on, for its record: the corpus by its sha256, books and bytes read."""
    return {
        "corpus_sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
        "books": len(sides["train"]),
        "bytes": sum(len(b.text.encode()) for b in sides["train"]),
    }


class BookBatches:
    """Random windows of the training books, a function of (seed, step) alone."""

    def __init__(self, books: list[Book], tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> None:
        self._recipe = recipe
        ids = [np.array(tokenizer(b.text)["input_ids"], dtype=np.int32) for b in books]
        self.tokens = np.concatenate([*ids, np.zeros(1, np.int32)])

    def __call__(self, step: int) -> list[Part]:
        """Windows tile the corpus with a fresh offset and order each epoch: every token is seen once an epoch."""
        rows, width = self._recipe.rows, self._recipe.context
        per_epoch = (len(self.tokens) - 1 - width) // width
        wanted = np.arange(step * rows, (step + 1) * rows)
        starts = np.empty(rows, dtype=np.int64)
        for epoch in np.unique(wanted // per_epoch):
            rng = np.random.default_rng([self._recipe.seed, int(epoch)])
            offset, order = int(rng.integers(width)), rng.permutation(per_epoch)
            mine = wanted // per_epoch == epoch
            starts[mine] = order[wanted[mine] % per_epoch] * width + offset
        windows = self.tokens[starts[:, None] + np.arange(width + 1)].astype(np.int64)
        return [(windows[:, :-1], windows[:, 1:])]


def validation_loss(
    books: list[Book], tokenizer: PreTrainedTokenizerFast, *, windows: int = 64, width: int = 512
) -> Callable[[LlamaForCausalLM], float]:
    """A function model -> mean nats per token on `windows` evenly spaced windows of held-out books (float32)."""
    ids = np.concatenate([np.array(tokenizer(b.text)["input_ids"], dtype=np.int64) for b in books])
    starts = np.linspace(0, len(ids) - width - 1, windows).astype(np.int64)
    blocks = ids[starts[:, None] + np.arange(width + 1)]

    def measure(model: LlamaForCausalLM) -> float:
        import torch

        total = 0.0
        with torch.inference_mode():
            for block in torch.split(torch.from_numpy(blocks).to(model.device), 8):
                logits = model(input_ids=block[:, :-1]).logits.float()
                total += float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), block[:, 1:].flatten()))
        return total / (len(blocks) / 8)

    return measure
