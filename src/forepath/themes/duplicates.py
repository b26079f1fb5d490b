"""Texts that say nearly the same: two prompts like that in two folds let a forecaster remember instead of forecast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import InputError

WORDS = 3
"""Words of a shingle; a shorter text is one shingle."""
BLOCK = 1000
"""Texts compared with all others at once: bounds the memory."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two near-duplicate texts."""

    first: int
    """Index of the text, counted from 0; smaller than `second`."""
    second: int
    likeness: float
    """Shared shingles over all shingles of the two (Jaccard), in (0, 1]."""


def near_duplicates(texts: Sequence[str], *, least: float = 0.8) -> list[Pair]:
    """Every pair of texts whose Jaccard likeness in runs of three words is at least `least`, in order of index.

    Case and punctuation are ignored (Broder 1997, "On the resemblance and containment of documents"; exact here, by a
    sparse product, not by sketches). Raises `InputError` for a `least` outside (0, 1].

    >>> near_duplicates(["Bake a lemon cake at home", "Bake a lemon cake at home!", "Why the bridge fell"])
    [Pair(first=0, second=1, likeness=1.0)]
    """
    if not 0 < least <= 1:
        raise InputError(f"least is {least}; a likeness lies in (0, 1]")
    from scipy.sparse import csr_array

    index: dict[tuple[str, ...], int] = {}
    rows, columns = [], []
    for row, text in enumerate(texts):
        for shingle in set(_shingles(text)):
            rows.append(row)
            columns.append(index.setdefault(shingle, len(index)))
    if not rows:
        return []
    shape = len(texts), len(index)
    held = csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)
    sizes = held.sum(axis=1)
    found: list[Pair] = []
    for start in range(0, len(texts), BLOCK):
        shared = (held[start : start + BLOCK] @ held.T).tocoo()
        first, second = shared.coords[0] + start, shared.coords[1]
        likeness = shared.data / (sizes[first] + sizes[second] - shared.data)
        kept = (first < second) & (likeness >= least)
        found += map(Pair, first[kept].tolist(), second[kept].tolist(), likeness[kept].tolist())
    return sorted(found, key=lambda p: (p.first, p.second))


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    if words and len(words) < WORDS:
        yield tuple(words)
    for i in range(len(words) - WORDS + 1):
        yield tuple(words[i : i + WORDS])
