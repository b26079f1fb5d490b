"""The shapes of a document grammar's content: what one theme, topic, kind, persona and tone look like as data.

Holds no words and no behaviour, and does not know how documents are drawn (`forepath.worlds.grammar`).

Template texts mark slots as `{slot}`. `{thing}` is the name of the document's topic and `{part}` one of its parts,
drawn anew each time; `{hero}` and `{city}` are persistent: drawn at their first mention and repeated ever after; any
other `{name}` is a fresh uniform draw from the word list of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NEUTRAL, WARM, DRY = "n", "w", "d"
"""The letters that say which tone a template belongs to."""


@dataclass(frozen=True, slots=True)
class Theme:
    """What one segment of a document can be about, and the sentences that say it."""

    name: str
    description: str
    templates: tuple[tuple[str, str], ...]
    """(tone letter, text with slots) pairs, one sentence or list item each."""
    joiner: str = " "
    """Between two sentences of one segment: a space, or a newline for lists."""
    prefix: str = ""
    """Written before each sentence: "- " for lists."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a document is about, with the parts its sentences mention."""

    thing: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document. Weights are positive odds; they need not sum to 1."""

    name: str
    weight: float
    topic_pool: str
    """Which pool of topics it draws from."""
    titles: tuple[str, ...]
    flag_titles: tuple[str, ...]
    """Titles that carry the long-range cue."""
    flag_prob: float
    """P(the title carries the cue)."""
    payoff: str
    """The theme that the cue announces, about four segments later."""
    blank_prob: float
    """P(a blank line, rather than a space, between two segments)."""
    start: Mapping[str, float]
    """Theme -> odds of opening the document."""
    moves: Mapping[str, Mapping[str, float]]
    """Theme -> next theme -> odds. No theme follows itself."""


@dataclass(frozen=True, slots=True)
class Persona:
    """Who writes: a habit of order, of length and of closing."""

    name: str
    authors: tuple[str, ...]
    prefers: Mapping[str, float]
    """Theme -> added log-odds."""
    closing: str
    """The theme it loves right before the end."""
    length: float = 0.0
    """Added log-odds per further sentence of a segment: positive writes longer segments."""
    hurry: float = 0.0
    """Added log-odds of ending."""


@dataclass(frozen=True, slots=True)
class Tone:
    """In what mood it is written."""

    name: str
    letter: str
    """Templates with this letter are preferred."""
    prefers: Mapping[str, float] = field(default_factory=dict)
    """Theme -> added log-odds."""


@dataclass(frozen=True, slots=True)
class Content:
    """All the words of one grammar."""

    themes: Mapping[str, Theme]
    lists: Mapping[str, tuple[str, ...]]
    """Slot name -> the words it draws from."""
    topics: Mapping[str, tuple[Topic, ...]]
    """Pool -> topics."""
    kinds: Mapping[str, Kind]
    personas: Mapping[str, Persona]
    tones: Mapping[str, Tone]
    most_segments: int = 12
    """A document of this many segments ends."""
    most_sentences: int = 4
    """In one segment, from 1 to 4."""
