"""A text's words and pairs of neighbouring words, and how near they bring it to what. Knows texts and arrays only."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise

import numpy as np

from forepath.stats import quick

LETTER = r"[^\W\d_]"
WORD = re.compile(rf"{LETTER}+(?:['’]{LETTER}+)?|\d+|^\s*[-*•]")
KINDS = {"letter": 1, "letter that is a digit": 2, "digit": 3, "space": 4}
"""As `_quick.c` numbers them; 0 is anything else."""
KNOWN = 0x10000
"""Characters whose kind it is told; a text with one beyond them is read by `terms`."""


def words(text: str) -> list[str]:
    """Lower-case words; every number is one word, and so is a bullet that opens the text.

    >>> words("- Add 250 g of flour")
    ['-', 'add', '0', 'g', 'of', 'flour']
    """
    return ["0" if w[0].isdigit() else w.strip() for w in WORD.findall(text.lower())]


def terms(text: str) -> list[str]:
    """Words and pairs of neighbouring words."""
    ws = words(text)
    return ws + [f"{a} {b}" for a, b in pairwise(ws)]


class Lexicon:
    """A vocabulary of terms, found in one text at a time."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.numbers = {term: i for i, term in enumerate(vocabulary)}
        """Of each term, its place in the vocabulary."""

    def nearness(self, table: np.ndarray, vectors: np.ndarray) -> Callable[[str], list[float]]:
        """A function: text -> (n,) cosines of the text's direction to each of `vectors` (width, n), float32 columns of
        length 1.

        The direction is the sum of the rows of `table` (terms, width) float32 of the text's terms, one that comes k
        times weighing 1 + log(k). A text without terms has none: zeros.
        """
        table, vectors = (np.ascontiguousarray(a, dtype=np.float32) for a in (table, vectors))
        if not quick.COMPILED:
            return partial(self._cosines, table, vectors)
        held = quick.terms(kinds(), *self._hashed(), table, vectors)

        def cosines(text: str) -> list[float]:
            found = quick.cosines(held, text.lower())
            return self._cosines(table, vectors, text) if found is None else found

        return cosines

    def _cosines(self, table: np.ndarray, vectors: np.ndarray, text: str) -> list[float]:
        found = np.array([i for i in map(self.numbers.get, terms(text)) if i is not None], dtype=np.int64)
        rows, counts = np.unique(found, return_counts=True)
        total = (1 + np.log(counts)) @ table[rows].astype(np.float64)
        length = math.sqrt(total @ total)
        told: list[float] = (total @ vectors / (length if length > 1e-12 else 1.0)).tolist()
        return told

    def _hashed(self) -> tuple[np.ndarray, np.ndarray]:
        """(places,) hashes and (places,) numbers of the terms, -1 where there is none; half of the places are free."""
        places = 1 << max(1, (2 * len(self.numbers) - 1).bit_length())
        hashes, numbers = np.zeros(places, dtype=np.uint64), np.full(places, -1, dtype=np.int32)
        for term, number in self.numbers.items():
            hashed = _hash(term)
            place = hashed % places
            while numbers[place] >= 0:
                place = (place + 1) % places
            hashes[place], numbers[place] = hashed, number
        return hashes, numbers


def _hash(term: str) -> int:
    """64 bits: FNV-1a (Fowler, Noll & Vo 1991) over characters, mixed, as in `_quick.c`."""
    most = (1 << 64) - 1
    found = 1469598103934665603
    for character in term:
        found = ((found ^ ord(character)) * 1099511628211) & most
    found ^= found >> 32
    found = (found * 0x9E3779B97F4A7C15) & most
    return found ^ (found >> 29)


@cache
def kinds() -> bytes:
    """What `WORD` takes each of the `KNOWN` characters for."""
    letter, digit, space = (re.compile(pattern).match for pattern in (LETTER, r"\d", r"\s"))
    return bytes(
        (KINDS["letter that is a digit"] if c.isdigit() else KINDS["letter"]) if letter(c)
        else KINDS["digit"] if digit(c) else KINDS["space"] if space(c) else 0
        for c in map(chr, range(KNOWN))
    )  # fmt: skip
