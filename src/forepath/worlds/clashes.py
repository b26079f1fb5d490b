"""Whether a grammar's text can be read in one way only: a search for sentences that two derivations can write.

Why it decides: a document is sentences set end to end by a space, a line break or a blank line. Take two readings of
one text, and the first sentence in which they differ. Either both write the same words there (a "same" clash), or one
sentence ends where the other goes on; the text goes on after the shorter one with a space or a line break, no sentence
holds a line break, so the longer one holds the shorter one and a space (an "extends" clash). Without either, sentences,
themes and slot words are read back uniquely, hence segments too, for no theme follows itself; and the title's words
are unique for each kind and flag if no two fillings agree. The search takes any word of any topic in `{thing}` and
`{part}`, so it may report a clash that no single document can show, and misses none.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, product

from forepath.worlds.grammar import Grammar
from forepath.worlds.recognise import wide_sentences
from forepath.worlds.templates import Slot, Template, template_text, widen

_Cursor = tuple[str, int, Template]
"""Text still to be matched, the next piece, the template."""


def clashes(grammar: Grammar) -> list[str]:
    """Every pair of derivations that can be mistaken for one another, in words; empty if reading is unique.

    >>> from forepath.worlds.documents import document_grammar
    >>> clashes(document_grammar())
    []
    """
    found = [f"list {name!r} repeats a word" for name, words in grammar.content.lists.items() if _repeats(words)]
    topics = {topic for pool in grammar.topics for topic in pool}
    found += [f"topic {topic.thing!r} repeats a part" for topic in topics if _repeats(topic.parts)]
    sentences = wide_sentences(grammar)
    for theme, wide in sentences:
        is_list = theme.joiner == "\n"
        if any("\n" in word for piece in wide for word in _words(piece)):
            found.append(f"a template of {theme.name!r} holds a line break: {template_text(wide)}")
        for i, piece in enumerate(wide):
            # Two different words of one slot, of which one begins with the other: the rest may make up for it.
            for a, b in _left_over(_words(piece), _words(piece)) - {("", "")}:
                how = _meet((a, i + 1, wide), (b, i + 1, wide), is_list, is_list)
                if how:
                    found.append(f"{theme.name!r} {how} itself if a word goes on with {a + b!r}: {template_text(wide)}")
    for (a_theme, one), (b_theme, other) in combinations(sentences, 2):
        how = _meet(("", 0, one), ("", 0, other), a_theme.joiner == "\n", b_theme.joiner == "\n")
        if how:
            found.append(f"{a_theme.name!r} {how} {b_theme.name!r}: {template_text(one)} | {template_text(other)}")
    return found + _title_clashes(grammar)


def _repeats(words: tuple[str, ...]) -> bool:
    return len(set(words)) < len(words)


def _meet(one: _Cursor, other: _Cursor, one_is_list: bool, other_is_list: bool) -> str:
    """How the two can be mistaken from here: "is", "extends", or "" for not at all. A list's item ends in no space."""
    stack = [(one, other)]
    while stack:
        (a, i, s), (b, j, t) = stack.pop()
        shared = min(len(a), len(b))
        if a[:shared] != b[:shared]:
            continue
        a, b = a[shared:], b[shared:]
        over, other_over = not a and i == len(s), not b and j == len(t)
        if over and other_over:
            return "is"
        if over and b:
            if b[0] == " " and not one_is_list:
                return "extends"
        elif other_over and a:
            if a[0] == " " and not other_is_list:
                return "extends"
        elif not (a or b or over or other_over):
            stack += (((x, i + 1, s), (y, j + 1, t)) for x, y in _left_over(_words(s[i]), _words(t[j])))
        elif not (a or over):
            stack += (((word, i + 1, s), (b, j, t)) for word in _words(s[i]) if word[: len(b)] == b[: len(word)])
        else:
            stack += (((a, i, s), (word, j + 1, t)) for word in _words(t[j]) if word[: len(a)] == a[: len(word)])
    return ""


@cache
def _left_over(ours: tuple[str, ...], others: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """What remains of each of two words that begin alike, over all pairs; each remainder once, hence the speed."""
    shared = ((a, b, min(len(a), len(b))) for a, b in product(ours, others))
    return frozenset((a[n:], b[n:]) for a, b, n in shared if a[:n] == b[:n])


def _words(piece: str | Slot) -> tuple[str, ...]:
    return (piece,) if isinstance(piece, str) else piece.words


def _title_clashes(grammar: Grammar) -> list[str]:
    found = []
    for kind, by_flag, pool in zip(grammar.kinds, grammar.titles, grammar.topics, strict=True):
        for titles in by_flag:
            seen: dict[str, str] = {}
            for title, topic in product(titles, pool):
                wide = widen(title, (topic.thing,), topic.parts)
                for line in map("".join, product(*(_words(p) for p in wide))):
                    if line in seen:
                        found.append(
                            f"titles of {kind!r}: {line!r} from {seen[line]!r} and from {template_text(title)!r}"
                        )
                    seen[line] = template_text(title)
    return found
