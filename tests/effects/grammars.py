"""Documents of known grammars as trajectories: one "prompt" per kind of document drawn, many samples of each."""

from __future__ import annotations

import numpy as np

from forepath.records import Trajectory
from forepath.worlds.changes import only
from forepath.worlds.documents import document_grammar
from forepath.worlds.grammar import Grammar


class Pool:
    """Documents of each kind of one grammar, drawn once, handed out as samples of prompts."""

    def __init__(self, content, each: int, seed: int) -> None:
        self.grammars = [Grammar(only(content, kind)) for kind in content.kinds]
        self.documents = [list(g.documents(seed, each)) for g in self.grammars]

    def side(self, kinds, samples: int, rng, *, texts: bool = True) -> list[Trajectory]:
        """`samples` documents of kind kinds[p] for every prompt p, all different within one side.

        Without `texts` only their chains are kept, for when many comparisons are wanted.
        """
        order = [list(rng.permutation(len(d))) for d in self.documents]
        out = []
        for p, k in enumerate(kinds):
            for s in range(samples):
                d = self.documents[k][order[k].pop()]
                body = d.text[d.header :] if texts else ""
                out.append(Trajectory(f"{p}/{s}", "grammar", str(p), f"kind {k}", s, tuple(range(len(body) // 4)), body,
                                      True, segments=d.segments))  # fmt: skip
        return out


def kinds_of(prompts: int, content=None) -> np.ndarray:
    """Every kind in turn."""
    return np.arange(prompts) % len((content or document_grammar().content).kinds)
