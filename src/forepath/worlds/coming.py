"""What the rest of a document still holds: P(a theme, or a move, comes at all), exactly, after any beginning.

Backwards through the chain of each kind: the mass that goes on to the end without it. Made once for a grammar, so that
each prompt costs one product. Knows chains and beliefs, not text.
"""

from __future__ import annotations

import numpy as np

from forepath.errors import InputError
from forepath.records import END
from forepath.worlds.belief import Belief
from forepath.worlds.course import Course
from forepath.worlds.grammar import Grammar


class Coming:
    """P(theme comes in what follows a text); the theme of the next segment counts, `end` is certain.

    >>> from forepath.worlds.documents import document_grammar
    >>> from forepath.worlds.posterior import posterior
    >>> grammar = document_grammar()
    >>> odds = Coming(grammar)(posterior(grammar, "How to make lemon cake\\nby Helen Sorensen\\n\\n"))
    >>> [round(float(odds[grammar.themes.index(t)]), 2) for t in ("ingredients", "agenda")]
    [0.9, 0.0]
    """

    def __init__(self, grammar: Grammar) -> None:
        self.themes = grammar.themes
        self._never = [[_never(c, [(a, s) for a in range(len(c.themes))], s) for s in range(len(c.themes))]
                       for c in grammar.courses]  # fmt: skip

    def __call__(self, belief: Belief) -> np.ndarray:
        """(themes,) probabilities, of a belief of the same grammar."""
        out = np.zeros(len(self.themes))
        out[self.themes.index(END)] = 1.0
        for course, now, tables in zip(belief.courses, belief.now, self._never, strict=True):
            if now.any():
                for theme, never in zip(course.themes, tables, strict=True):
                    out[self.themes.index(theme)] += float((now * (1 - never)).sum())
        return out


class ComingMove:
    """P(what follows a text goes from one theme straight to another at least once)."""

    def __init__(self, grammar: Grammar, before: str, after: str) -> None:
        """Raises `InputError` for a move that no kind has the themes of."""
        self._never = [
            _never(c, [(c.index[before], c.index[after])]) if before in c.index and after in c.index else None
            for c in grammar.courses
        ]
        if not any(t is not None for t in self._never):
            raise InputError(f"no kind has both {before!r} and {after!r}; name two themes of one kind")

    def __call__(self, belief: Belief) -> float:
        """Of a belief of the same grammar. A text that ends inside `before` may still move on from it."""
        pairs = zip(belief.now, self._never, strict=True)
        return float(sum((now * (1 - never)).sum() for now, never in pairs if never is not None))


def _never(course: Course, barred: list[tuple[int, int]], target: int | None = None) -> np.ndarray:
    """(P, 2, S, R, T, F) P(no barred move from here to the end | place); 0 where `target` is the theme there."""
    move = course.move.copy()
    for a, b in barred:
        move[:, :, a, ..., b] = 0.0
    out = np.zeros(move.shape[:-1])
    later = np.zeros(out.shape[1:])  # nothing follows the last position: there `move` is all end
    for p in reversed(range(len(out))):
        paid = later.copy()
        paid[0, course.payoff] = later[1, course.payoff]  # whoever comes to the payoff has paid
        onward = np.moveaxis(paid, 1, -1)  # (2, R, T, F, S): by the theme that is moved to
        out[p] = move[p, ..., -1] + (move[p, ..., :-1] * onward[:, None]).sum(axis=-1)
        if target is not None:
            out[p, :, target] = 0.0
        later = out[p]
    return out
