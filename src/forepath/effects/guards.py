"""Is the text still text? Length, repetition and variety, so that a broken model is not read as a changed one.

Words are what white space leaves; nothing here knows themes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from forepath.effects.measures import Table
from forepath.records import Trajectory

PHRASE = 4
"""Words in a phrase whose return counts as repetition."""


def repetition(words: Sequence[str], phrase: int = PHRASE) -> float:
    """Share of a text's phrases that it had already said; NaN for a text of fewer words than a phrase has.

    >>> repetition("the end of it the end of it".split()), repetition("not long".split())
    (0.2, nan)
    """
    said = [tuple(words[i : i + phrase]) for i in range(len(words) - phrase + 1)]
    return (len(said) - len(set(said))) / len(said) if said else float("nan")


def distinct(words: Sequence[str], n: int = 2) -> float:
    """Different n-grams over all of them (Li et al. 2016, NAACL, arXiv 1510.03055); NaN for too short a text.

    >>> distinct("a b a b".split()), distinct(["a"])
    (0.6666666666666666, nan)
    """
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def guard_table(trajectories: Sequence[Trajectory], surprises: Mapping[str, float] | None) -> Table:
    """One row per trajectory. `surprises`: nats per token of each trajectory under the base model, by id."""
    names = ["finished", "tokens", "repeated phrases", "distinct pairs"]
    words = [t.text.split() for t in trajectories]
    columns = [
        [float(t.finished) for t in trajectories],
        [float(len(t.tokens)) for t in trajectories],
        [repetition(w) for w in words],
        [distinct(w) for w in words],
    ]
    if surprises is not None:
        names.append("surprise")
        columns.append([surprises.get(t.id, float("nan")) for t in trajectories])
    full = tuple(f"guard: {name}" for name in names)
    return Table(full, ("guard",) * len(names), np.array(columns, dtype=float).T.reshape(len(trajectories), len(names)),
                 np.array([name == "finished" for name in names]))  # fmt: skip


def variety(trajectories: Sequence[Trajectory], prompt_of: np.ndarray, prompts: int) -> np.ndarray:
    """(prompts,) different pairs of words over all, in all of a prompt's texts together: alike samples score low."""
    words: list[list[str]] = [[] for _ in range(prompts)]
    for trajectory, p in zip(trajectories, prompt_of, strict=True):
        words[p] += trajectory.text.split()
    return np.array([distinct(w) for w in words])
