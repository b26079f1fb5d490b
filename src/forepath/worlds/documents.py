"""The large document grammar that comes with the package: its words are in `forepath.worlds.lexicon`.

Knows only how to put the words together; everything else is `forepath.worlds.grammar`.
"""

from __future__ import annotations

from functools import cache

from forepath.worlds.grammar import Grammar
from forepath.worlds.lexicon.shapes import Content


@cache
def document_grammar() -> Grammar:
    """The grammar of recipes, reviews, reports, letters, stories and more, compiled at first use."""
    from forepath.worlds.lexicon.kinds import KINDS
    from forepath.worlds.lexicon.personas import PERSONAS, TONES
    from forepath.worlds.lexicon.themes import THEMES
    from forepath.worlds.lexicon.topics import TOPICS
    from forepath.worlds.lexicon.words import LISTS

    return Grammar(Content(THEMES, LISTS, TOPICS, KINDS, PERSONAS, TONES))
