"""The true themes of text in a grammar's sentences, sentence by sentence: also of what a model wrote.

Unlike `posterior` it asks only that each sentence be one that some document could hold; that the sentences fit
together (one topic, one hero, a possible chain) is not asked, so the small slips of a model do not lose a whole text.
Where `forepath.worlds.clashes` finds nothing, no sentence has two themes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace

from forepath.records import OTHER, Segment, Trajectory
from forepath.worlds.grammar import Grammar
from forepath.worlds.lexicon.shapes import Theme, Topic
from forepath.worlds.templates import Scan, Setting, Template, matches, widen

NOWHERE = Setting(Topic("", ()))
"""The setting of widened templates, which keep to none."""
KEY = 5
"""Templates are looked up by this many first characters."""
GAP = re.compile(r"\s*")
NEXT = re.compile(r"\n|[.!?][\"')]* ")
"""Where reading goes on after a sentence that is not the grammar's."""


def wide_sentences(grammar: Grammar) -> list[tuple[Theme, Template]]:
    """Every sentence template, its list mark included, with any topic's words in its slots."""
    topics = {topic for pool in grammar.topics for topic in pool}
    things = tuple(sorted({t.thing for t in topics}))
    parts = tuple(sorted({part for t in topics for part in t.parts}))
    return [
        (s.theme, widen((s.theme.prefix, *template) if s.theme.prefix else template, things, parts))
        for s in grammar.sentences.values()
        for template in s.templates
    ]


class TruthLabeller:
    """A `forepath.protocols.Labeller` that knows the grammar: the truth to score other labellers against."""

    def __init__(self, grammar: Grammar) -> None:
        self._by_start: dict[str, list[tuple[Theme, Template]]] = defaultdict(list)
        for theme, template in wide_sentences(grammar):
            first = template[0] if isinstance(template[0], str) else ""
            self._by_start[first[:KEY] if len(first) >= KEY else ""].append((theme, template))

    def label(self, trajectory: Trajectory) -> Trajectory:
        """The trajectory with the true segments of its text."""
        return replace(trajectory, segments=self.segments(trajectory.text))

    def segments(self, text: str) -> tuple[Segment, ...]:
        """Maximal runs of sentences of one theme; the white space between segments belongs to none.

        A stretch that is no sentence of the grammar has the theme `other`. A last sentence that is cut off has its
        theme if its beginning leaves only one, else None.
        """
        found: list[Segment] = []
        scan = Scan(text)
        at = _skip(text, 0)
        while at < len(text):
            stop, theme = self._sentence(scan, at)
            if found and found[-1].theme == theme:
                found[-1] = Segment(found[-1].start, stop, theme)
            else:
                found.append(Segment(at, stop, theme))
            at = _skip(text, stop)
        return tuple(found)

    def _sentence(self, scan: Scan, at: int) -> tuple[int, str | None]:
        """(where the sentence ends, its theme)."""
        text = scan.text
        if len(text) - at < KEY:
            candidates = [pair for pairs in self._by_start.values() for pair in pairs]
        else:
            candidates = self._by_start.get(text[at : at + KEY], []) + self._by_start.get("", [])
        stops: dict[int, str] = {}
        cut: set[str] = set()
        for theme, template in candidates:
            for match in matches(template, scan, at, NOWHERE):
                if match.stop is None:
                    cut.add(theme.name)
                elif match.stop == len(text) or text[match.stop].isspace():
                    stops[match.stop] = theme.name
        if stops:
            stop = max(stops)
            return stop, stops[stop]
        if cut:
            return len(text.rstrip()), next(iter(cut)) if len(cut) == 1 else None
        ends = NEXT.search(text, at)
        return (max(at + 1, ends.end() - 1) if ends else len(text.rstrip())), OTHER


def _skip(text: str, at: int) -> int:
    gap = GAP.match(text, at)
    return gap.end() if gap else at
