"""Reading: from any beginning of a text to the exact posterior over the latents and over the rest of the document.

Forward filtering. A hypothesis is a kind, what the document has settled (topic, persistent words), and where in the
theme chain it is after a whole sentence; its weight is an array over (persona, tone, flag). Each sentence is parsed by
matching the templates that could have written it; a template that the end of the text cuts short keeps the
probability of all its completions. Nothing is approximated, and nothing is assumed about templates being unambiguous.
Does not know what the beliefs are asked for (`forepath.worlds.belief`).

Source: the forward pass of hidden Markov models (Rabiner, "A tutorial on hidden Markov models", 1989, III.A), here with
states that last several sentences (Yu, "Hidden semi-Markov models", 2010) and latents drawn once per document.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from forepath.errors import PromptError
from forepath.worlds.belief import Belief
from forepath.worlds.grammar import BLANK, BYLINE, Grammar
from forepath.worlds.templates import Match, Scan, Setting, matches

TINY = 1e-100
"""Weights below this are scaled up (and the scale remembered), so that long documents do not underflow."""


class _Place(NamedTuple):
    """Where a hypothesis stands: a whole sentence has just ended."""

    kind: int
    setting: Setting
    paid: int
    theme: int
    """Index among the kind's own themes."""
    position: int
    """Of the segment, from 1."""
    sentences: int
    """Of the segment so far."""
    template: int
    """The last sentence's."""


def posterior(grammar: Grammar, text: str) -> Belief:
    """What follows `text`, a beginning of a document cut at any character.

    Raises PromptError for text that no document of the grammar begins with, saying where it stops fitting.
    """
    belief = _Reader(grammar, text).read()
    if belief is None:
        fits, fails = 0, len(text)  # P(prefix) falls with length, so the last length that fits can be bisected
        while fails - fits > 1:
            middle = (fits + fails) // 2
            fits, fails = (fits, middle) if _Reader(grammar, text[:middle]).read() is None else (middle, fails)
        raise PromptError(
            f"the text leaves the document grammar at character {fits}: {text[max(0, fits - 40) : fits]!r} fits, "
            f"{text[fits : fits + 20]!r} cannot follow it; give the beginning of a document this grammar wrote"
        )
    return belief


def log_prob(grammar: Grammar, text: str) -> float:
    """ln P(the document is exactly `text`), nats; -inf for a text that is no whole document."""
    belief = _Reader(grammar, text).read()
    return -np.inf if belief is None else belief.log_complete


class _Reader:
    """One reading of one text."""

    def __init__(self, grammar: Grammar, text: str) -> None:
        self.grammar, self.text, self.scan = grammar, text, Scan(text)
        self.pending: dict[int, dict[_Place, np.ndarray]] = defaultdict(dict)
        shapes = [(c.move.shape[0], 2, len(c.themes), *c.prior.shape) for c in grammar.courses]
        self.now = [np.zeros(shape) for shape in shapes]
        self.ended = [np.zeros(c.prior.shape) for c in grammar.courses]
        self.log_scale = 0.0
        self.memo: dict[tuple[str, int, str, Setting], list[tuple[int, Match]]] = {}

    def read(self) -> Belief | None:
        """None if no document begins with the text."""
        for k in range(len(self.grammar.kinds)):
            self._header(k)
        while self.pending:
            at = min(self.pending)
            for place, weight in self.pending.pop(at).items():
                self._leave(at, place, weight)
            self._rescale()
        total = sum(float(a.sum()) for a in (*self.now, *self.ended))
        if total == 0.0:
            return None
        complete = sum(float(a.sum()) for a in self.ended)
        return Belief(
            self.grammar.themes,
            self.grammar.courses,
            tuple(a / total for a in self.now),
            tuple(a / total for a in self.ended),
            float(np.log(total)) + self.log_scale,
            float(np.log(complete)) + self.log_scale if complete else -np.inf,
        )

    def _rescale(self) -> None:
        weights = [w for places in self.pending.values() for w in places.values()]
        everything = (*weights, *self.now, *self.ended)
        if weights and max(float(a.max()) for a in everything) < TINY:
            for a in everything:
                a /= TINY
            self.log_scale += float(np.log(TINY))

    def _header(self, k: int) -> None:
        grammar, course = self.grammar, self.grammar.courses[k]
        for f, titles in enumerate(grammar.titles[k]):
            prior = np.zeros_like(course.prior)
            prior[..., f] = grammar.kind_prior[k] * course.prior[..., f] / (len(titles) * len(grammar.topics[k]))
            for title in titles:
                for topic in grammar.topics[k]:
                    for match in matches((*title, BYLINE), self.scan, 0, Setting(topic)):
                        if match.stop is None:
                            self._begin(k, prior * match.prob)
                        else:
                            self._author(k, match.stop, match.setting, prior * match.prob)

    def _author(self, k: int, at: int, setting: Setting, weight: np.ndarray) -> None:
        for name, odds in zip(self.grammar.authors, self.grammar.author_odds.T, strict=True):
            weighted = weight * odds[:, None, None]
            for match in matches((name + BLANK,), self.scan, at, setting):
                if match.stop is None or match.stop == len(self.text):
                    self._begin(k, weighted)
                else:
                    first = weighted[..., None] * self.grammar.courses[k].start
                    for s in range(first.shape[-1]):
                        self._enter(match.stop, "", _Place(k, setting, 0, s, 1, 0, -1), first[..., s])

    def _begin(self, k: int, weight: np.ndarray) -> None:
        """The text ends before the first segment."""
        course = self.grammar.courses[k]
        self.now[k][0, 0] += np.moveaxis(weight[..., None] * course.start, -1, 0)
        course.settle(self.now[k])

    def _leave(self, at: int, place: _Place, weight: np.ndarray) -> None:
        """Go on after a whole sentence that ends at character `at`: another sentence, another segment, or the end."""
        k, setting, paid, s, position, n, _ = place
        course = self.grammar.courses[k]
        goes_on = course.goes_on[s, :, n - 1][:, None, None]
        flow = (weight * (1 - goes_on))[..., None] * course.move[position - 1, paid, s]
        if at == len(self.text):
            self.now[k][position - 1, paid, s] += weight * goes_on
            self.ended[k] += flow[..., -1]
            if position < len(self.now[k]):
                self.now[k][position, paid] += np.moveaxis(flow[..., :-1], -1, 0)
                course.settle(self.now[k])
            return
        theme = course.themes[s]
        if goes_on.any():
            self._enter(at, self.grammar.sentences[theme].theme.joiner, place, weight * goes_on)
        for s_next in np.flatnonzero(flow[..., :-1].any(axis=(0, 1, 2))):
            blank = self.grammar.blank_odds(k, theme, course.themes[s_next])
            to = _Place(k, setting, paid, int(s_next), position + 1, 0, -1)
            for gap, odds in ((BLANK, blank), (" ", 1 - blank)):
                if odds and self.text.startswith(gap[: len(self.text) - at], at):
                    self._enter(at, gap, to, flow[..., s_next] * odds)

    def _enter(self, at: int, gap: str, place: _Place, weight: np.ndarray) -> None:
        """Read one sentence of the theme of `place`, after `gap`."""
        k, setting, paid, s, position, n, last = place
        course = self.grammar.courses[k]
        paid |= s == course.payoff
        sentences = self.grammar.sentences[course.themes[s]]
        for i, match in self._sentence(course.themes[s], at, gap, setting):
            mass = weight * (sentences.odds[:, last, i] * match.prob)[:, None]
            if match.stop is None:
                self.now[k][position - 1, paid, s] += mass
            elif mass.any():
                to = _Place(k, match.setting, int(paid), s, position, n + 1, i)
                places = self.pending[match.stop]
                places[to] = places[to] + mass if to in places else mass

    def _sentence(self, theme: str, at: int, gap: str, setting: Setting) -> list[tuple[int, Match]]:
        """(template, way) for every way to read a sentence of the theme: the same for all kinds, so kept."""
        key = (theme, at, gap, setting)
        if key not in self.memo:
            sentences = self.grammar.sentences[theme]
            lead = gap + sentences.theme.prefix
            self.memo[key] = [
                (i, match)
                for i, template in enumerate(sentences.templates)
                for match in matches((lead, *template), self.scan, at, setting)
            ]
        return self.memo[key]
