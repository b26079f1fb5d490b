"""The theme chain of one kind of document: the odds of every next theme, of ending, and of every segment length.

A first-order chain over themes whose odds also depend on the position p of the segment (1 is the first), on who
writes (persona, tone), on the long-range cue (flag), and on whether the theme that the cue announced has been paid.
Knows nothing of words or text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forepath.errors import InputError
from forepath.worlds.lexicon.shapes import Content, Kind

END_FIRST, END_SLOPE = -4.2, 0.55
"""Log-odds of ending after segment 1, and what every further segment adds."""
END_AFTER_HABIT = 2.0
"""Added log-odds of ending after the persona's closing theme."""
END_UNPAID = -2.5
"""Added log-odds of ending while the cue is unpaid."""
ABRUPT = 0.03
"""Least probability of ending after any segment."""
HABIT_FIRST, HABIT_SLOPE = -1.5, 0.5
"""Log-odds of the persona's closing theme as the first segment, and what every further position adds."""
HABIT_ODDS = 0.15
"""Base share of the closing theme where the kind does not list it: habits hold in every kind."""
PAYOFF_ODDS = 0.1
"""Base share of the payoff theme where the kind does not list it."""
PAYOFF_DUE = 4
"""Position from which the payoff is due."""
PAYOFF_BONUS = 4.0
"""Added log-odds of the payoff when due; subtracted when it is not."""
SENTENCES = {" ": (1.0, 1.2, 0.7, 0.3), "\n": (0.3, 1.0, 1.2, 1.0)}
"""Joiner -> odds of 1, 2, 3, 4 sentences (prose, lists) before the persona's habit of length."""


class Course:
    """The tables of one kind. Axes: R personas, T tones, F = 2 flags, S of the kind's own themes, P positions,
    N numbers of sentences.

    Attributes:
        themes: the S names that can occur in this kind, in the content's order.
        prior: (R, T, F) P(persona, tone, flag | kind).
        start: (R, T, F, S) P(first theme | latents).
        move: (P, 2, S, R, T, F, S + 1) P(next | position, paid, theme, latents); the last column is the end.
        lengths: (S, R, N) P(number of sentences).
        goes_on: (S, R, N) P(another sentence | n so far), n = 1..N.
    """

    def __init__(self, kind: Kind, content: Content) -> None:
        personas, tones = list(content.personas.values()), list(content.tones.values())
        named = {kind.payoff, *(p.closing for p in personas), *kind.start, *kind.moves}
        named |= {t for row in kind.moves.values() for t in row}
        if unknown := sorted(named - set(content.themes)):
            raise InputError(
                f"kind {kind.name!r} names the themes {unknown}, which the content lacks; add or drop them"
            )
        self.name = kind.name
        self.themes = tuple(t for t in content.themes if t in named)
        self.index = {t: i for i, t in enumerate(self.themes)}
        self.payoff = self.index[kind.payoff]
        self._closing = np.array([self.index[p.closing] for p in personas])
        self._persona = np.stack([self._row(p.prefers) for p in personas])
        self._tone = np.stack([self._row(t.prefers) for t in tones])
        self._hurry = np.array([p.hurry for p in personas])
        flags = np.array([1 - kind.flag_prob, kind.flag_prob])
        self.prior = np.broadcast_to(flags, (len(personas), len(tones), 2)) / (len(personas) * len(tones))
        self.start = self._softmax(self._logits(self._base(kind.start, None), 1)[0])
        self.move = self._moves(kind, content.most_segments)
        odds = np.array([SENTENCES[content.themes[t].joiner] for t in self.themes])[:, None, :]
        odds = (odds * np.exp(np.outer([p.length for p in personas], np.arange(4))))[..., : content.most_sentences]
        self.lengths = odds / odds.sum(axis=-1, keepdims=True)
        survive = self.lengths[..., ::-1].cumsum(axis=-1)[..., ::-1]
        self.goes_on = np.append(survive[..., 1:], np.zeros_like(survive[..., :1]), axis=-1) / survive

    def _row(self, values: Mapping[str, float]) -> np.ndarray:
        return np.array([values.get(t, 0.0) for t in self.themes], dtype=float)

    def _base(self, odds: Mapping[str, float], theme: int | None) -> np.ndarray:
        """(R, S) log-odds of the next theme: the kind's own, the payoff, and each persona's closing habit."""
        row = self._row(odds)
        rows = np.tile(row / (row.sum() or 1.0), (len(self._closing), 1))
        rows[:, self.payoff] = np.where(row[self.payoff] > 0, rows[:, self.payoff], PAYOFF_ODDS)
        persona = np.arange(len(rows))
        rows[persona, self._closing] = np.where(row[self._closing] > 0, rows[persona, self._closing], HABIT_ODDS)
        if theme is not None:
            rows[:, theme] = 0.0
        with np.errstate(divide="ignore"):
            logs: np.ndarray = np.log(rows)
        return logs

    def _logits(self, base: np.ndarray, position: int) -> np.ndarray:
        """(2, R, T, 2, S) log-odds of the theme at `position`, by paid and latents, from `base` (R, S)."""
        at = base + self._persona
        at[np.arange(len(at)), self._closing] += HABIT_FIRST + HABIT_SLOPE * (position - 1)
        logits = np.empty((2, len(base), len(self._tone), 2, len(self.themes)))
        logits[:] = (at[:, None] + self._tone)[None, :, :, None, :]
        due = np.full((2, 2), -PAYOFF_BONUS)
        due[0, 1] = PAYOFF_BONUS if position >= PAYOFF_DUE else -PAYOFF_BONUS
        logits[..., self.payoff] += due[:, None, None, :]
        return logits

    @staticmethod
    def _softmax(logits: np.ndarray) -> np.ndarray:
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=-1, keepdims=True))

    def _end(self, theme: int, position: int) -> np.ndarray:
        """(2, R, 1, 2) P(end after the segment of `theme` at `position`)."""
        logit = END_FIRST + END_SLOPE * (position - 1) + self._hurry + END_AFTER_HABIT * (self._closing == theme)
        logits = np.tile(logit[None, :, None, None], (2, 1, 1, 2))
        logits[0, ..., 1] += END_UNPAID
        return np.asarray(ABRUPT + (1 - ABRUPT) / (1 + np.exp(-logits)))

    def _moves(self, kind: Kind, positions: int) -> np.ndarray:
        n = len(self.themes)
        # A theme that came in by habit and that the kind has no moves for goes on like the kind's average theme.
        average: dict[str, float] = {}
        for row in kind.moves.values():
            for t, odds in row.items():
                average[t] = average.get(t, 0.0) + odds / sum(row.values())
        move = np.zeros((positions, 2, n, *self.prior.shape, n + 1))
        move[-1, ..., n] = 1.0
        for s, theme in enumerate(self.themes):
            base = self._base(kind.moves.get(theme, average), s)
            for p in range(1, positions):
                end = self._end(s, p)
                move[p - 1, :, s, ..., :n] = self._softmax(self._logits(base, p + 1)) * (1 - end)[..., None]
                move[p - 1, :, s, ..., n] = end
        return move

    def advance(self, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One segment on: `now` (P, 2, S, R, T, F) mass by place -> (the mass after it, (R, T, F) what ended)."""
        if not now.any():  # most kinds are ruled out by the title
            return now, np.zeros_like(self.prior)
        flow = np.einsum("pqsrtf,pqsrtfn->pqnrtf", now, self.move)
        after = np.zeros_like(now)
        after[1:] = flow[:-1, :, :-1]
        return self.settle(after), flow[:, :, -1].sum(axis=(0, 1))

    def settle(self, odds: np.ndarray) -> np.ndarray:
        """Move mass in the payoff theme from paid = 0 to paid = 1, in place. `odds` (P, 2, S, R, T, F)."""
        odds[:, 1, self.payoff] += odds[:, 0, self.payoff]
        odds[:, 0, self.payoff] = 0.0
        return odds
