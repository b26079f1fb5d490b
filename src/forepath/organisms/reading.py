"""Reading the themes of text that a model of a grammar wrote: the same templates, but forgiving.

A model's text may break what a document must keep (a hero who changes his name), and then has no place in the grammar
at all. Here every sentence is read by itself, with any word of any topic, so only sentences that no template writes
are unreadable. Where a text is the grammar's, the themes are the true ones: `forepath.worlds.clashes` shows that
sentences can be told apart. Does not know what came before the text.
"""

from __future__ import annotations

from collections import defaultdict

from forepath.errors import LabellerError
from forepath.records import Segment
from forepath.worlds.grammar import BLANK, Grammar
from forepath.worlds.lexicon.shapes import Topic
from forepath.worlds.templates import Setting, Slot, Template, matches

KEY = 3
"""Templates are looked up by this many first characters; trying them all would be ten times slower."""
NOWHERE = Setting(Topic("", ()))


class ThemeReader:
    """Segments and themes of whatever follows a prompt that ends at a blank line.

    >>> from forepath.worlds.documents import document_grammar
    >>> grammar = document_grammar()
    >>> document = grammar.sample(3)
    >>> ThemeReader(grammar).read(document.text[document.header :]) == document.segments
    True
    """

    def __init__(self, grammar: Grammar) -> None:
        topics = [topic for pool in grammar.topics for topic in pool]
        words = {
            "thing": tuple(sorted({t.thing for t in topics})),
            "part": tuple(sorted({part for t in topics for part in t.parts})),
        }
        self._by_key: defaultdict[str, list[tuple[str, Template]]] = defaultdict(list)
        for name, s in grammar.sentences.items():
            for template in s.templates:
                # As slots of a list rather than of the document, they take any word at any time.
                free = tuple(p if isinstance(p, str) else Slot("any", p.words or words[p.name]) for p in template)
                lead = s.theme.prefix + (free[0] if isinstance(free[0], str) else "")
                self._by_key[lead[:KEY] if len(lead) >= KEY else ""].append((name, (s.theme.prefix, *free)))

    def _sentence(self, text: str, at: int) -> tuple[str, int] | None:
        """(theme, end) of the sentence that begins at `at`; None if no template writes it."""
        for name, template in self._by_key.get(text[at : at + KEY], []) + self._by_key.get("", []):
            for match in matches(template, text, at, NOWHERE):
                if match.stop is not None and text[match.stop : match.stop + 1] in ("", " ", "\n"):
                    return name, match.stop
        return None

    def _cut_short(self, text: str, at: int) -> bool:
        """Whether some template's sentence begins with all of `text[at:]`."""
        found = (m for ts in self._by_key.values() for _, t in ts for m in matches(t, text, at, NOWHERE))
        return any(match.stop is None for match in found)

    def read(self, text: str, *, finished: bool = True) -> tuple[Segment, ...]:
        """The segments of `text`, the beginning of a segment. `finished` False: a last sentence cut short is left out.

        Neighbours of one theme are one segment, as in a chain. Raises `LabellerError` where a sentence is no
        template's, or set off as no document sets it off.
        """
        segments: list[Segment] = []
        at, gap = 0, BLANK
        while at < len(text):
            sentence = self._sentence(text, at)
            if sentence is None:
                if not finished and self._cut_short(text, at):
                    break
                raise LabellerError(f"no template of the grammar writes {text[at : at + 60]!r} (character {at})")
            theme, stop = sentence
            if segments and segments[-1].theme == theme:
                segments[-1] = Segment(segments[-1].start, stop, theme)
            elif gap == "\n":
                raise LabellerError(f"a line break, where themes part at a blank line, before character {at}")
            else:
                segments.append(Segment(at, stop, theme))
            at = stop
            gap = next((g for g in (BLANK, "\n", " ") if text.startswith(g, at)), "")
            at += len(gap)
        return tuple(segments)
