"""What a subject's tokens spell, read once: which of them can finish no sentence. Knows tokens and texts only."""

from __future__ import annotations

from dataclasses import dataclass, field

from forepath.monitors.listening import MARKS
from forepath.protocols import Subject
from forepath.subjects.spelling import vocabulary


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one subject, for all who follow its texts."""

    texts: dict[int, str] = field(default_factory=dict)
    """What tokens spell, whatever stands around them; empty where that hangs on their neighbours."""
    quiet: frozenset[int] = frozenset()
    """Those of `texts` without a mark: no sentence ends with one."""
    blank: frozenset[int] = frozenset()
    """Those of `texts` that are nothing but white space: none finishes a sentence that is at its end."""
    spelled: dict[tuple[int, ...], str] = field(default_factory=dict)
    """What was decoded so far, for `Spelling`; it grows."""

    @classmethod
    def of(cls, subject: Subject) -> Tokens:
        """Read the subject's vocabulary: some microseconds a token, once."""
        spelled: dict[tuple[int, ...], str] = {}
        ends: frozenset[int] = getattr(subject, "end_ids", frozenset())
        texts = vocabulary(subject, spelled)
        return cls.reading({token: text for token, text in texts.items() if token not in ends}, spelled)

    @classmethod
    def reading(cls, texts: dict[int, str], spelled: dict[tuple[int, ...], str] | None = None) -> Tokens:
        """Of tokens that spell `texts`, among which is none that ends a text."""
        return cls(
            texts,
            frozenset(token for token, text in texts.items() if MARKS.isdisjoint(text)),
            frozenset(token for token, text in texts.items() if text.isspace()),
            {} if spelled is None else spelled,
        )
