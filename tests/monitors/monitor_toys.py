"""The small grammar of the worlds' tests, and subjects that write what they are told."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from forepath.records import Intervention, Policy, Step
from forepath.themes.codebook import Codebook, Theme
from forepath.worlds.grammar import Grammar

THEMES = {"rain": ("rain", "wet", "umbrella"), "war": ("war", "army", "cannon"), "food": ("soup", "bread", "salt")}


def toy_grammar(**options) -> Grammar:
    where = Path(__file__).parents[1] / "worlds" / "conftest.py"
    spec = importlib.util.spec_from_file_location("toy_worlds", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Grammar(module.toy_content(**options))


def pattern_codebook() -> Codebook:
    """Themes named by their words, so that a test can read the truth off a text."""
    return Codebook(tuple(Theme(name, patterns=(rf"\b({'|'.join(words)})\b",)) for name, words in THEMES.items()))


def sentence(theme: str, rng: np.random.Generator) -> str:
    words = THEMES[theme]
    return f"The {words[rng.integers(3)]} and the {words[rng.integers(3)]} were {rng.integers(100)}."


class Writer:
    """Writes texts made by `make(prompt, seed)`, a character per token; its one site is (what comes next, noise).

    The first len(THEMES) + 1 numbers of the site say which theme the next sentence has (or that the text ends), with
    noise: enough for a linear forecaster to learn from.
    """

    name, fingerprint, sites = "writer", "writer-1", ("site",)
    end_ids = frozenset({0})

    def __init__(self, make: Callable[[str, int], list[str]], noise: float = 0.5, shift: float = 0.0) -> None:
        """`make` gives the themes of one paragraph each; `shift` moves every activation, as a changed model would."""
        self.make, self.noise, self.shift = make, noise, shift

    def stream(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int],
        policy: Policy = Policy(),
        capture: Sequence[str] = (),
        intervention: Intervention | None = None,
    ) -> Iterator[Step]:
        rows = [self._text(p, s) for p, s in zip(prompts, seeds, strict=True)]
        rngs = [np.random.default_rng(s) for s in seeds]
        names = [*THEMES, "end"]
        for n in range(policy.max_tokens):
            live = [n < len(text) for text, _ in rows]
            if not any(live):
                return
            tokens, ended, read = [], [], np.full((len(rows), len(names) + 2), np.nan)
            for i, (text, after) in enumerate(rows):
                tokens.append(text[n] if live[i] else None)
                ended.append(not live[i] or text[n] == 0 or n + 1 == policy.max_tokens)
                if live[i]:
                    read[i] = self.noise * rngs[i].standard_normal(len(names) + 2) + self.shift
                    read[i, names.index(after[n])] += 2.0
            yield Step(tuple(tokens), tuple(ended), dict.fromkeys(capture, read))
            if all(ended):
                return

    def _text(self, prompt: str, seed: int) -> tuple[list[int], list[str]]:
        """(tokens with the end token, the theme of the text from each on)."""
        rng = np.random.default_rng(seed + 10_000)
        themes = self.make(prompt, seed)
        tokens, after = [], []
        for k, theme in enumerate(themes):
            written = sentence(theme, rng) + ("\n\n" if k + 1 < len(themes) else "")
            tokens += [ord(c) for c in written]
            ahead = themes[k + 1] if k + 1 < len(themes) else "end"
            after += [theme if i < len(written.rstrip()) else ahead for i in range(len(written))]
        return [*tokens, 0], [*after, "end"]

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(chr(t) for t in tokens if t)


def wander(prompt: str, seed: int) -> list[str]:
    """A chain of themes that mostly goes rain -> war -> food -> rain and ends with odds of 1 in 5."""
    rng = np.random.default_rng(seed)
    names = list(THEMES)
    at, out = int(rng.integers(3)), []
    while True:
        out.append(names[at])
        if len(out) > 1 and rng.random() < 0.2:
            return out
        at = (at + (1 if rng.random() < 0.8 else 2)) % 3
