"""Changed grammars and what the change does, exactly: known answers for whoever compares two subjects.

Changes content, never words: `without` drops a theme from the chains of every kind, `raised` multiplies the odds of one
transition. `presence` and `passage` say how often a theme, a transition comes in a document, by the chain's own law.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np

from forepath.errors import InputError
from forepath.worlds.course import Course
from forepath.worlds.grammar import Grammar
from forepath.worlds.lexicon.shapes import Content


def without(content: Content, theme: str) -> Content:
    """No document starts with `theme` or moves to it.

    Raises `InputError` for an unknown theme, and for one that cannot be dropped: the payoff of a kind, a persona's
    closing habit (they come by themselves), or all that some theme may move to.
    """
    _known(content, theme)
    kinds = {}
    for name, kind in content.kinds.items():
        if theme == kind.payoff or theme in {p.closing for p in content.personas.values()}:
            raise InputError(
                f"{theme!r} is the payoff of {name!r} or a closing habit: it comes by itself; drop another"
            )
        start = {t: odds for t, odds in kind.start.items() if t != theme}
        moves = {a: {b: odds for b, odds in row.items() if b != theme} for a, row in kind.moves.items() if a != theme}
        if not start or any(not moves[a] for a in moves if kind.moves[a]):
            raise InputError(f"without {theme!r} some theme of {name!r} leads nowhere; drop another")
        kinds[name] = replace(kind, start=start, moves=moves)
    return replace(content, kinds=kinds)


def raised(content: Content, before: str, after: str, factor: float) -> Content:
    """The odds of moving from `before` to `after` are multiplied by `factor` in every kind that has the move.

    Raises `InputError` where none has, or for a factor that is not above 0.
    """
    _known(content, before)
    _known(content, after)
    having = [n for n, kind in content.kinds.items() if after in kind.moves.get(before, {})]
    if not having or not factor > 0:
        raise InputError(
            f"{before!r} → {after!r} times {factor}: wanted a move that some kind has, and a factor above 0"
        )
    kinds = dict(content.kinds)
    for name in having:
        kind = kinds[name]
        row = kind.moves[before]
        # Odds are normalised by the row's sum before the payoff and the habits are added to them: so is this.
        total = sum(row.values())
        scaled = {t: odds * (factor if t == after else 1.0) for t, odds in row.items()}
        again = total / sum(scaled.values())
        kinds[name] = replace(kind, moves={**kind.moves, before: {t: o * again for t, o in scaled.items()}})
    return replace(content, kinds=kinds)


def only(content: Content, kind: str) -> Content:
    """Documents of one kind."""
    if kind not in content.kinds:
        raise InputError(f"no kind {kind!r}; there are {', '.join(content.kinds)}")
    return replace(content, kinds={kind: content.kinds[kind]})


def presence(grammar: Grammar) -> np.ndarray:
    """(kinds, themes) P(a document of the kind contains the theme), exactly; `end` is in every document."""
    out = np.zeros((len(grammar.kinds), len(grammar.themes)))
    out[:, -1] = 1.0
    for k, course in enumerate(grammar.courses):
        for theme, s in course.index.items():
            out[k, grammar.themes.index(theme)] = _arrivals(course, s)
    return out


def passage(grammar: Grammar, before: str, after: str) -> np.ndarray:
    """(kinds,) P(a document of the kind goes from `before` straight to `after` at least once), exactly."""
    out = np.zeros(len(grammar.kinds))
    for k, course in enumerate(grammar.courses):
        if before in course.index and after in course.index:
            out[k] = _crossings(course, course.index[before], course.index[after])
    return out


def _first(course: Course) -> np.ndarray:
    """(P, 2, S, R, T, F) mass at the first segment."""
    size = course.move.shape[0]
    now = np.zeros((size, 2, len(course.themes), *course.prior.shape))
    now[0, 0] = np.moveaxis(course.prior[..., None] * course.start, -1, 0)
    return course.settle(now)


def _arrivals(course: Course, s: int) -> float:
    """Mass that ever stands in theme `s`: it is counted at its first arrival and taken out."""
    now, total = _first(course), 0.0
    while now.any():
        total += float(now[:, :, s].sum())
        now[:, :, s] = 0.0
        now, _ = course.advance(now)
    return total


def _crossings(course: Course, a: int, b: int) -> float:
    """Mass that ever moves from theme `a` to `b`, counted at the first time and taken out."""
    odds = course.move[:, :, a, ..., b]
    barred = copy.copy(course)
    barred.move = course.move.copy()
    barred.move[:, :, a, ..., b] = 0.0
    now, total = _first(course), 0.0
    while now.any():
        total += float((now[:, :, a] * odds).sum())
        now, _ = barred.advance(now)
    return total


def _known(content: Content, theme: str) -> None:
    if theme not in content.themes:
        raise InputError(f"the grammar has no theme {theme!r}; it has {', '.join(content.themes)}")
