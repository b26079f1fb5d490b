"""Sentence templates: compiled once, then drawn from, or matched against text with the exact probability.

Knows nothing of themes or chains. A template is literal text with slots; a slot's word depends on the document's
`Setting` (its topic and the persistent words named so far).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from forepath.errors import InputError
from forepath.worlds.lexicon.shapes import Topic

PERSISTENT = ("hero", "city")
"""Slots drawn at their first mention in a document and repeated ever after."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A gap in a template."""

    name: str
    words: tuple[str, ...]
    """What it draws from, uniformly; empty for `thing` and `part`, whose words the topic holds."""
    again: bool = False
    """The same slot stands earlier in the template: it then takes another word ("the salt and the flour")."""


Template = tuple["str | Slot", ...]
"""Literal text and slots in order; literals are never empty."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a document has settled so far, and every later sentence keeps to."""

    topic: Topic
    held: tuple[str | None, ...] = (None,) * len(PERSISTENT)
    """The word of each persistent slot; None before its first mention."""


def compile_template(text: str, lists: Mapping[str, tuple[str, ...]]) -> Template:
    """Split a template's text at its slots.

    Raises InputError for a slot that no list of `lists` fills.

    >>> [p if isinstance(p, str) else p.words for p in compile_template("Add {n} eggs.", {"n": ("two", "six")})]
    ['Add ', ('two', 'six'), ' eggs.']
    """
    pieces: list[str | Slot] = []
    seen: set[str] = set()
    for i, part in enumerate(re.split(r"\{(\w+)\}", text)):
        if i % 2 == 0:
            if part:
                pieces.append(part)
            continue
        if part not in ("thing", "part") and part not in lists:
            raise InputError(f"template {text!r} has the slot {part!r}, which is no word list; add one of that name")
        pieces.append(Slot(part, tuple(lists.get(part, ())), part in seen))
        seen.add(part)
    return tuple(pieces)


def template_text(template: Template) -> str:
    """The template as it was written, slots in braces."""
    return "".join(p if isinstance(p, str) else f"{{{p.name}}}" for p in template)


def widen(template: Template, things: tuple[str, ...], parts: tuple[str, ...]) -> Template:
    """The template with any of these words in `thing` and `part`, and every slot free of what was written before."""
    words = {"thing": things, "part": parts}
    return tuple(p if isinstance(p, str) else Slot(f"any {p.name}", words.get(p.name, p.words)) for p in template)


def choices(slot: Slot, setting: Setting, used: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """The words a slot draws from, uniformly. `used`: (slot, word) of the earlier slots of the same template."""
    if slot.name == "thing":
        return (setting.topic.thing,)
    if slot.name in PERSISTENT:
        word = setting.held[PERSISTENT.index(slot.name)]
        return slot.words if word is None else (word,)
    words = setting.topic.parts if slot.name == "part" else slot.words
    if slot.again:
        return tuple(w for w in words if (slot.name, w) not in used)
    return words


def settle(slot: Slot, word: str, setting: Setting) -> Setting:
    """The setting after `slot` was filled with `word`."""
    if slot.name not in PERSISTENT or setting.held[PERSISTENT.index(slot.name)] is not None:
        return setting
    held = list(setting.held)
    held[PERSISTENT.index(slot.name)] = word
    return Setting(setting.topic, tuple(held))


def draw(template: Template, setting: Setting, rng: Random) -> tuple[str, Setting]:
    """Fill the slots of a template; the text and the setting after it."""
    out: list[str] = []
    used: tuple[tuple[str, str], ...] = ()
    for piece in template:
        if isinstance(piece, str):
            out.append(piece)
            continue
        words = choices(piece, setting, used)
        word = words[int(rng.random() * len(words))]
        out.append(word)
        used += ((piece.name, word),)
        if piece.name in PERSISTENT:
            setting = settle(piece, word, setting)
    return "".join(out), setting


@dataclass(frozen=True, slots=True)
class Match:
    """One way in which text can have come from a template."""

    stop: int | None
    """Where the template's text ends; None if `text` ends first (all completions summed)."""
    prob: float
    """P(the slot words used), in (0, 1]."""
    setting: Setting


class Scan:
    """A text being read, which remembers what words begin where: many templates ask the same."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._seen: dict[tuple[tuple[str, ...], int], tuple[list[str], int]] = {}

    def words(self, words: tuple[str, ...], at: int) -> tuple[list[str], int]:
        """(the words that stand at `at`, how many more the end of the text may have cut short)."""
        key = words, at
        if key not in self._seen:
            rest = self.text[at : at + max(map(len, words), default=0)]
            whole = [w for w in words if rest.startswith(w)]
            ends = at + len(rest) == len(self.text)
            cut = sum(len(rest) < len(w) and w.startswith(rest) for w in words) if ends else 0
            self._seen[key] = whole, cut
        return self._seen[key]


def matches(template: Template, scan: Scan, start: int, setting: Setting) -> Iterator[Match]:
    """Every way in which the text from `start` begins with, or is the beginning of, a draw from `template`.

    Ways are disjoint events, so their probabilities may be added.

    >>> from forepath.worlds.lexicon.shapes import Topic
    >>> t = compile_template("Add {n} eggs.", {"n": ("two", "ten", "six")})
    >>> [(m.stop, round(m.prob, 3)) for m in matches(t, Scan("Add t"), 0, Setting(Topic("cake", ())))]
    [(None, 0.667)]
    """
    text = scan.text
    stack: list[tuple[int, int, float, Setting, tuple[tuple[str, str], ...]]] = [(0, start, 1.0, setting, ())]
    while stack:
        i, at, prob, now, used = stack.pop()
        if i == len(template):
            yield Match(at, prob, now)
            continue
        piece = template[i]
        if isinstance(piece, str):
            if text.startswith(piece, at):
                stack.append((i + 1, at + len(piece), prob, now, used))
            elif len(text) - at < len(piece) and piece.startswith(text[at:]):
                yield Match(None, prob, now)
            continue
        words = choices(piece, now, used)
        whole, cut = scan.words(words, at)
        for word in whole:
            after = (at + len(word), prob / len(words), settle(piece, word, now), (*used, (piece.name, word)))
            stack.append((i + 1, *after))
        if cut:
            yield Match(None, prob * cut / len(words), now)
