"""The words of the document grammar hang together: slots resolve, moves lead to themes, sentences read as sentences."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from forepath.records import END
from forepath.worlds.lexicon.kinds import KINDS
from forepath.worlds.lexicon.personas import PERSONAS, TONES
from forepath.worlds.lexicon.shapes import Theme
from forepath.worlds.lexicon.themes import THEMES
from forepath.worlds.lexicon.topics import TOPICS
from forepath.worlds.lexicon.words import LISTS

SLOT = re.compile(r"\{(\w+)\}")
TEMPLATES = [(theme.name, text) for theme in THEMES.values() for _, text in theme.templates]
TITLES = [title for kind in KINDS.values() for title in (*kind.titles, *kind.flag_titles)]


def unresolved(texts: list[str]) -> set[str]:
    return {slot for text in texts for slot in SLOT.findall(text)} - {"thing", "part", *LISTS}


def strays(names: set[str]) -> set[str]:
    return names - set(THEMES)


def test_size_is_what_was_promised() -> None:
    assert len(KINDS) >= 8 and len(THEMES) >= 24 and len(LISTS) >= 25
    assert all(len(theme.templates) >= 14 for theme in THEMES.values())
    assert all(len(pool) >= 12 and all(len(set(t.parts)) == 6 for t in pool) for pool in TOPICS.values())
    assert all(len(kind.titles) >= 6 and len(kind.flag_titles) >= 6 for kind in KINDS.values())
    assert END not in THEMES


def test_every_theme_has_all_tones_and_its_own_name() -> None:
    for name, theme in THEMES.items():
        assert theme.name == name
        counts = Counter(letter for letter, _ in theme.templates)
        assert set(counts) == {tone.letter for tone in TONES.values()} and min(counts.values()) >= 2, name


def test_every_slot_resolves() -> None:
    assert unresolved([text for _, text in TEMPLATES] + TITLES) == set()
    assert unresolved(["the {nothing}"]) == {"nothing"}


def test_every_theme_is_used_and_every_named_theme_exists() -> None:
    used = {t for k in KINDS.values() for row in (k.start, *k.moves.values()) for t in row}
    used |= {kind.payoff for kind in KINDS.values()} | {persona.closing for persona in PERSONAS.values()}
    assert used == set(THEMES)
    assert strays({t for p in (*PERSONAS.values(), *TONES.values()) for t in p.prefers}) == set()
    assert strays({"dance"}) == {"dance"}
    for kind in KINDS.values():
        assert kind.topic_pool in TOPICS
        assert all(theme not in row for theme, row in kind.moves.items()), "a theme follows itself"
        assert set(kind.moves) >= {t for row in kind.moves.values() for t in row} - {
            p.closing for p in PERSONAS.values()
        }
        assert all(odds > 0 for row in (kind.start, *kind.moves.values()) for odds in row.values())


def test_names_and_templates_are_distinct() -> None:
    authors = [a for persona in PERSONAS.values() for a in persona.authors]
    assert len(authors) == len(set(authors))
    assert len({p.closing for p in PERSONAS.values()}) == len(PERSONAS)
    texts = [text for _, text in TEMPLATES]
    assert [text for text, n in Counter(texts).items() if n > 1] == []
    assert all(len(words) == len(set(words)) for words in LISTS.values())


def is_sentence(theme: Theme, text: str) -> bool:
    words = len(text.split())
    if theme.joiner == "\n":
        return text[0].isupper() and 3 <= words <= 16
    return (text[0].isupper() or text[0] == '"') and text.rstrip('"')[-1] in ".!?" and 8 <= words <= 17


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_templates_read_as_sentences(theme: Theme) -> None:
    assert [text for _, text in theme.templates if not is_sentence(theme, text) or "\n" in text] == []
    assert all(not text.startswith("{") for _, text in theme.templates)


def test_articles_fit_the_words_after_them() -> None:
    """Templates say "a {slot}": whatever fills such a slot must not begin with a vowel sound."""
    after_a = {slot for _, text in TEMPLATES for slot in re.findall(r"\b[Aa] \{(\w+)\}", text)}
    after_a |= {slot for text in TITLES for slot in re.findall(r"\b[Aa] \{(\w+)\}", text)}
    words = {w for slot in after_a - {"thing", "part"} for w in LISTS[slot]}
    words |= {t.thing for pool in TOPICS.values() for t in pool}
    words |= {p for t in TOPICS["places"] for p in t.parts}
    assert sorted(w for w in words if re.match(r"(?i)[aeio]|u(?!ni)", w)) == []
