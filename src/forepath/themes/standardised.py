"""Embeddings whose dimensions all count: centred and scaled by what they do on training texts.

A language model's activations share one large common direction and a few dimensions that dwarf the rest, so that any
two texts look alike; standardising each dimension undoes both (Timkey and van Schijndel 2021, arXiv:2109.04404).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from forepath.errors import InputError
from forepath.themes.embeddings import Embedder, unit
from forepath.themes.segmentation import segment

MOST_SEGMENTS = 2000
"""Segments of the training texts from which mean and deviation are taken."""


class StandardisedEmbedder:
    """Wraps an embedder: each dimension minus its mean, over its standard deviation, on segments of `texts`."""

    def __init__(self, embedder: Embedder, texts: Sequence[str]) -> None:
        """Raises `InputError` if the texts have no segments."""
        pieces = [t[s.start : s.stop] for t in texts[:MOST_SEGMENTS] for s in segment(t)][:MOST_SEGMENTS]
        if not pieces:
            raise InputError("the training texts are empty: there is nothing to compare; sample longer texts")
        vectors = embedder.embed(pieces)
        self.embedder = embedder
        self.mean, self.deviation = vectors.mean(axis=0), vectors.std(axis=0)
        self.deviation[self.deviation <= 1e-6 * np.abs(self.mean) + 1e-12] = np.inf  # never moves: says nothing
        mark = hashlib.sha256(self.mean.tobytes() + self.deviation.tobytes()).hexdigest()[:16]
        self.name = f"{embedder.name}-standardised-{mark}"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return unit((self.embedder.embed(texts) - self.mean) / self.deviation)
