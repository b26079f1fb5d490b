"""Estimates, from unlabelled texts, how nearness to themes becomes segments. No truth and no labels are needed.

Knows nothing of embedders or codebooks: a function of texts gives the cosines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from forepath.themes.codebook import Decoding
from forepath.themes.decoding import decode
from forepath.themes.segmentation import blocks, units_of
from forepath.themes.terms import words

LEAST_SEAMS = 30
"""Neighbouring blocks, or neighbouring sentences, below which nothing is estimated and the defaults stand."""
SALADS = 3000
"""Texts of no theme."""
LEAST_LIKE = 0.05
"""Quantile of their likeness below which a sentence is `other`: a higher one takes more of what no theme fits,
and more of what one does fit."""


def calibrate(texts: Sequence[str], cosines: Callable[[Sequence[str]], np.ndarray], *, seed: int = 0) -> Decoding:
    """Settings for `decode` from the sentences of `texts`; `cosines` maps n texts to (n, themes).

    Sharpness: blank lines are free supervision. Neighbouring blocks of a text are glued in pairs, and the sharpness
    taken that finds the seams again best (boundary F1). Switch: the share of changes that decoding the blocks with it
    yields, iterated. Floor: a sentence is `other` if it is less like every theme than 95 % of word salads are:
    sentences of the same words, dealt out at random.
    """
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    for number, (owner, text, block) in enumerate((i, t, b) for i, t in enumerate(texts) for b in blocks(t)):
        spans = units_of(text, block)
        pieces += [text[a:b] for a, b in spans]
        places += [(number, owner)] * len(spans)
    if not pieces:
        return Decoding()
    floor = float(np.quantile(cosines(_salads(pieces, seed)).max(axis=1), LEAST_LIKE))
    found = cosines(pieces)
    block_of, text_of = np.asarray(places).T
    pairs = _in_pairs(block_of, text_of)
    same_block, glued = block_of[1:] == block_of[:-1], pairs[1:] == pairs[:-1]
    seams = glued & ~same_block
    if seams.sum() < LEAST_SEAMS or same_block.sum() < LEAST_SEAMS:
        return Decoding(floor=round(floor, 4))
    rate = float(np.clip(seams.sum() / glued.sum(), 0.01, 0.5))
    best = (-1.0, Decoding().sharpness)
    for sharpness in np.geomspace(5, 80, 13):
        labels = decode(found, pairs, Decoding(float(sharpness), rate, floor))
        cuts = glued & (labels[1:] != labels[:-1])
        f1 = float(2 * (cuts & seams).sum() / (cuts.sum() + seams.sum()))
        best = max(best, (f1, float(sharpness)))
    switch = Decoding().switch
    for _ in range(4):
        labels = decode(found, block_of, Decoding(best[1], switch, floor))
        switch = float(np.clip((labels[1:] != labels[:-1])[same_block].mean(), 0.01, 0.5))
    return Decoding(round(best[1], 3), round(switch, 4), round(floor, 4))


def _in_pairs(block_of: np.ndarray, text_of: np.ndarray) -> np.ndarray:
    """(n,) numbers of pairs of neighbouring blocks: the first and second block of a text, its third and fourth, …"""
    first = block_of[np.searchsorted(text_of, text_of)]
    pairs: np.ndarray = np.unique(np.stack([text_of, (block_of - first) // 2]), axis=1, return_inverse=True)[1]
    return pairs.ravel()


def _salads(pieces: Sequence[str], seed: int) -> list[str]:
    """Texts as long as the pieces, of all their words in random order."""
    rng = np.random.default_rng(seed)
    deck = [w for piece in pieces for w in words(piece)]
    dealt = iter([deck[i] for i in rng.permutation(len(deck))])
    return [" ".join(islice(dealt, len(words(piece)))) for piece in pieces[:SALADS]]
