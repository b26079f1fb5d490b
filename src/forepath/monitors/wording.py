"""What the text alone says at a place: features for a monitor that cannot see inside the model, such as behind an API.

The prompt's and the last words' direction in an embedder, and the last two themes heard. Knows texts; no activations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forepath.monitors.gathering import Places
from forepath.records import Chain
from forepath.themes.embeddings import Embedder

WORDS = 300
"""Last characters of the text that are read; the prompt's last `PROMPT` characters too."""
PROMPT = 1200


class Wording:
    """(prompt, text so far, themes heard) -> (width,) numbers; a `TextFeatures` of `Monitor`."""

    def __init__(self, embedder: Embedder, themes: Sequence[str]) -> None:
        self._embedder = embedder
        self._index = {theme: i for i, theme in enumerate(themes)}
        self._prompts: dict[str, np.ndarray] = {}

    def __call__(self, prompt: str, text: str, heard: Chain) -> np.ndarray:
        return np.concatenate([self._prompt(prompt), self._embedder.embed([text[-WORDS:]])[0], self._themes(heard)])

    def of(self, places: Places, prompts: Sequence[str]) -> np.ndarray:
        """(places, width) of all places: what would be read there."""
        texts = [places.texts[t][max(0, at - WORDS) : at] for t, at in zip(places.text_of, places.at, strict=True)]
        words = self._embedder.embed(texts)
        of_prompts = np.stack([self._prompt(p) for p in prompts])
        themes = np.stack([self._themes(chain) for chain in places.heard])
        return np.concatenate([of_prompts[places.prompt_of], words, themes], axis=1)

    def _prompt(self, prompt: str) -> np.ndarray:
        """Read once per prompt; a few are kept."""
        if prompt not in self._prompts:
            if len(self._prompts) > 256:
                self._prompts.clear()
            self._prompts[prompt] = np.asarray(self._embedder.embed([prompt[-PROMPT:]])[0], dtype=np.float64)
        return self._prompts[prompt]

    def _themes(self, heard: Chain) -> np.ndarray:
        out = np.zeros((2, len(self._index) + 1))
        for row, theme in enumerate((heard[-1:] or ("",))[0:1] + (heard[-2:-1] or ("",))):
            out[row, self._index.get(theme, len(self._index))] = 1.0
        return out.ravel()
