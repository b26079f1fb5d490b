"""The document grammar: a process that writes documents whose future is known exactly, and draws them quickly.

A document is a title, a byline, and segments that follow a chain of themes (`course`); its sentences are filled
templates (`templates`). Four latents decide the odds: the kind of document, the persona who writes, the tone, and
whether the title carries a long-range cue (flag) that a later segment pays. Reading the latents back from text is
`forepath.worlds.posterior`; this file only writes. The end of a document is not in its text.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, count
from random import Random

import numpy as np

from forepath.errors import InputError
from forepath.records import END, Chain, Segment
from forepath.worlds.course import Course
from forepath.worlds.lexicon.shapes import NEUTRAL, Content, Theme, Topic
from forepath.worlds.templates import PERSISTENT, Setting, Slot, Template, compile_template, draw, template_text

MATCHING, PLAIN, CLASHING = 4.0, 1.0, 0.25
"""Odds of a template of the document's tone, of a neutral one, and of another tone's."""
OWN_AUTHOR = 0.8
"""P(the byline is one of the persona's own names); otherwise any author, uniformly."""
BYLINE = "\nby "
BLANK = "\n\n"
CUTS = 3
"""A prompt holds the header and 0, 1 or 2 segments."""
REWORDED = 20
"""Wordings tried for a paraphrase that is another text."""


@dataclass(frozen=True, slots=True)
class Latents:
    """What decides a document's odds; never written out."""

    kind: str
    persona: str
    tone: str
    flag: bool
    """The title carries the long-range cue."""


@dataclass(frozen=True, slots=True)
class Document:
    """One drawn document with its truth."""

    text: str
    """Title, byline, blank line, segments."""
    header: int
    """Characters of the header, the blank line included; `text[header:]` is the body."""
    latents: Latents
    segments: tuple[Segment, ...]
    """Themes and spans of `text[header:]`; the spaces and blank lines between segments belong to none."""

    @property
    def chain(self) -> Chain:
        """The themes in order, then `end`."""
        return (*(s.theme for s in self.segments if s.theme), END)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The beginning of a document, to forecast from."""

    text: str
    """The header and 0 to 2 whole segments, up to and including a blank line."""
    future: Chain
    """The themes that did follow, then `end`."""
    document: Document
    seed: str
    """What `sample` drew the document from."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """The compiled templates of one theme."""

    theme: Theme
    templates: tuple[Template, ...]
    odds: np.ndarray
    """(tones, templates + 1, templates) P(template | tone, the template before in this segment); the last of the
    middle axis is "none before". No template follows itself, unless it is the theme's only one."""

    @property
    def is_list(self) -> bool:
        """Written line by line, and always set off by blank lines."""
        return self.theme.joiner == "\n"


class Grammar:
    """Content made ready to write and to be read.

    Every `sample` depends on its seed only. Raises InputError for content that cannot be written: an unknown theme, a
    slot without words, a kind without topics.
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        self.themes: tuple[str, ...] = (*content.themes, END)
        """All themes in a fixed order, `end` last: the index order of every array of probabilities."""
        self.kinds, self.personas, self.tones = (
            tuple(content.kinds),
            tuple(content.personas),
            tuple(content.tones),
        )
        self.courses = tuple(Course(kind, content) for kind in content.kinds.values())
        weights = np.array([k.weight for k in content.kinds.values()])
        self.kind_prior: np.ndarray = weights / weights.sum()
        """(kinds,) P(kind)."""
        self.sentences = {name: self._sentences(theme) for name, theme in content.themes.items()}
        self.titles = tuple(
            tuple(tuple(compile_template(t, content.lists) for t in titles) for titles in (k.titles, k.flag_titles))
            for k in content.kinds.values()
        )
        """Title templates by kind and flag."""
        self.topics: tuple[tuple[Topic, ...], ...] = tuple(self._pool(k) for k in self.kinds)
        """Topics by kind."""
        self._check_slots()
        self.authors = tuple(a for p in content.personas.values() for a in p.authors)
        own = np.array([[a in p.authors for a in self.authors] for p in content.personas.values()], dtype=float)
        self.author_odds: np.ndarray = OWN_AUTHOR * own / own.sum(axis=1, keepdims=True)
        """(personas, authors) P(byline | persona)."""
        self.author_odds += (1 - OWN_AUTHOR) / len(self.authors)
        self._wheels: dict[tuple[int | str, ...], tuple[list[float], list[int]]] = {}

    def _sentences(self, theme: Theme) -> Sentences:
        n = len(theme.templates)
        odds = np.empty((len(self.tones), n + 1, n))
        for i, (letter, _) in enumerate(theme.templates):
            for j, tone in enumerate(self.content.tones.values()):
                odds[j, :, i] = MATCHING if letter == tone.letter else PLAIN if letter == NEUTRAL else CLASHING
        if n > 1:
            odds[:, np.arange(n), np.arange(n)] = 0.0
        templates = tuple(compile_template(text, self.content.lists) for _, text in theme.templates)
        return Sentences(theme, templates, odds / odds.sum(axis=-1, keepdims=True))

    def _pool(self, kind: str) -> tuple[Topic, ...]:
        name = self.content.kinds[kind].topic_pool
        pool = self.content.topics.get(name, ())
        if not pool:
            raise InputError(f"kind {kind!r} draws its topics from {name!r}, which has none; add topics of that name")
        return tuple(pool)

    def _check_slots(self) -> None:
        """A slot that stands n times in one template takes n different words."""
        fewest = min(len(topic.parts) for pool in self.topics for topic in pool)
        written = [t for s in self.sentences.values() for t in s.templates]
        written += [t for by_flag in self.titles for titles in by_flag for t in titles]
        for template in written:
            for slot, times in Counter((p.name, p.words) for p in template if isinstance(p, Slot)).items():
                name, words = slot
                enough = times if name in ("thing", *PERSISTENT) else fewest if name == "part" else len(words)
                if times > enough:
                    raise InputError(
                        f"{template_text(template)!r} has the slot {name!r} {times} times, and there are only {enough} "
                        f"different words for it; add words or drop a slot"
                    )

    def blank_odds(self, kind: int, before: str, after: str) -> float:
        """P(a blank line, rather than a space, between a segment of theme `before` and one of `after`)."""
        if self.sentences[before].is_list or self.sentences[after].is_list:
            return 1.0
        return self.content.kinds[self.kinds[kind]].blank_prob

    # Writing. The tables are turned into cumulative lists at first use: a bisection is far cheaper than a NumPy call.

    def _spin(self, rng: Random, key: tuple[int | str, ...], odds: np.ndarray) -> int:
        wheel = self._wheels.get(key)
        if wheel is None:
            kept = np.flatnonzero(odds)
            wheel = self._wheels[key] = list(accumulate(odds[kept].tolist())), kept.tolist()
        edges, targets = wheel
        return targets[min(bisect(edges, rng.random() * edges[-1]), len(targets) - 1)]

    def sample(self, seed: int | str) -> Document:
        """Draw one document.

        >>> from forepath.worlds.documents import document_grammar
        >>> document = document_grammar().sample(0)
        >>> document == document_grammar().sample(0), document.chain[-1]
        (True, 'end')
        """
        return self._written(Random(seed))

    def _written(self, rng: Random, wording: Random | None = None) -> Document:
        """`rng` decides all; with `wording`, that one decides the words of the title and the sentences instead."""
        k = self._spin(rng, ("kind",), self.kind_prior)
        course = self.courses[k]
        r, t = int(rng.random() * len(self.personas)), int(rng.random() * len(self.tones))
        kind = self.content.kinds[self.kinds[k]]
        f = int(rng.random() < kind.flag_prob)
        titles, pool = self.titles[k][f], self.topics[k]
        setting = other = Setting(pool[int(rng.random() * len(pool))])
        title, setting = draw(titles[int(rng.random() * len(titles))], setting, rng)
        if wording is not None:
            title, other = draw(titles[int(wording.random() * len(titles))], other, wording)
        author = self.authors[self._spin(rng, ("author", r), self.author_odds[r])]
        header = f"{title}{BYLINE}{author}{BLANK}"
        s = self._spin(rng, ("start", k, r, t, f), course.start[r, t, f])
        parts: list[str] = []
        segments: list[Segment] = []
        at, p, paid = 0, 1, 0
        while True:
            theme = course.themes[s]
            paid |= s == course.payoff
            n = 1 + self._spin(rng, ("length", k, s, r), course.lengths[s, r])
            text, setting = self._segment(theme, n, t, setting, rng)
            if wording is not None:
                text, other = self._segment(theme, n, t, other, wording)
            parts.append(text)
            segments.append(Segment(at, at + len(text), theme))
            s = self._spin(rng, ("move", k, p, paid, s, r, t, f), course.move[p - 1, paid, s, r, t, f])
            if s == len(course.themes):
                break
            gap = BLANK if rng.random() < self.blank_odds(k, theme, course.themes[s]) else " "
            parts.append(gap)
            at, p = at + len(text) + len(gap), p + 1
        latents = Latents(self.kinds[k], self.personas[r], self.tones[t], bool(f))
        return Document(header + "".join(parts), len(header), latents, tuple(segments))

    def _segment(self, theme: str, n: int, tone: int, setting: Setting, rng: Random) -> tuple[str, Setting]:
        sentences = self.sentences[theme]
        out: list[str] = []
        i = len(sentences.templates)
        for _ in range(n):
            i = self._spin(rng, (theme, tone, i), sentences.odds[tone, i])
            text, setting = draw(sentences.templates[i], setting, rng)
            out.append(sentences.theme.prefix + text)
        return sentences.theme.joiner.join(out), setting

    def documents(self, seed: int, n: int) -> Iterator[Document]:
        """The documents `seed/0` ... `seed/(n - 1)`; document i does not depend on n."""
        return (self.sample(f"{seed}/{i}") for i in range(n))

    def prompts(self, seed: int, n: int) -> Iterator[Prompt]:
        """Beginnings of fresh documents, each cut after 0, 1 or 2 whole segments where a blank line follows.

        The number of segments is drawn before the document, and documents without that cut are drawn anew: the choice
        then depends on nothing after the cut, so `posterior` of the prompt is exact for these prompts too.
        """
        for i in range(n):
            cut = Random(f"prompt/{seed}/{i}").randrange(CUTS)
            names = (f"prompt/{seed}/{i}/{j}" for j in count())
            tries = (self._cut(self.sample(name), cut, name) for name in names)
            yield next(p for p in tries if p is not None)

    def paraphrase(self, prompt: Prompt) -> str:
        """The same kind, author, topic and themes as `prompt`, its title and sentences worded otherwise.

        Of one of `prompts` only; its own text where `REWORDED` other wordings were none. What follows is as likely as
        after `prompt` where the wording says nothing of the latents; ask `posterior` of either.

        >>> from forepath.worlds.documents import document_grammar
        >>> grammar = document_grammar()
        >>> prompt = next(grammar.prompts(0, 1))
        >>> grammar.paraphrase(prompt) == grammar.paraphrase(prompt) != prompt.text
        True
        """
        segments = len(prompt.document.chain) - len(prompt.future)
        text = prompt.text
        for n in range(REWORDED):
            other = self._written(Random(prompt.seed), Random(f"{prompt.seed}/other words/{n}"))
            cut = self._cut(other, segments, prompt.seed)
            assert cut is not None  # the blank lines are the same
            if (text := cut.text) != prompt.text:
                break
        return text

    @staticmethod
    def _cut(document: Document, segments: int, seed: str) -> Prompt | None:
        """The prompt of `document` after this many segments; None where it ends or runs on without a blank line."""
        if segments >= len(document.segments):
            return None
        stop = document.header + (document.segments[segments - 1].stop + len(BLANK) if segments else 0)
        if not document.text[:stop].endswith(BLANK):
            return None
        return Prompt(document.text[:stop], document.chain[segments:], document, seed)
