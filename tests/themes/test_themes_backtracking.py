"""The bound on a pattern's work, against a plain backtracking matcher that counts its steps."""

import importlib
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forepath.errors import CodebookError
from forepath.themes import backtracking
from forepath.themes.patterns import compiled

parse = importlib.import_module("re._parser").parse
SHORT = 14
PER_STEP = 12
"""Nodes that the plain matcher passes for one step of the bound."""


class Counted:
    """Matches a parse tree at one place of a text as Python does, and counts the nodes it tries."""

    def __init__(self, text):
        self.text, self.steps = text, 0

    def match(self, nodes, at, then):
        self.steps += 1
        if self.steps > 200_000:
            raise OverflowError
        if not nodes:
            return then(at)
        (name, value), rest = (str(nodes[0][0]), nodes[0][1]), nodes[1:]
        go = lambda place: self.match(rest, place, then)  # noqa: E731
        if name == "SUBPATTERN":
            return self.match(list(value[3]), at, go)
        if name == "BRANCH":
            return any(self.match(list(branch), at, go) for branch in value[1])
        if name == "AT":
            return bool(re.compile(r"\b").match(self.text, at)) and go(at)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            return self.repeat(int(value[0]), int(value[1]), list(value[2]), at, go, name == "MIN_REPEAT", 0)
        return at < len(self.text) and ord(self.text[at]) in backtracking._members(name, value) and go(at + 1)

    def repeat(self, low, high, body, at, go, lazy, turns):
        def once(place):
            return (place > at or turns < low) and self.repeat(low, high, body, place, go, lazy, turns + 1)

        def more():
            return turns < high and self.match(body, at, once)

        def done():
            return turns >= low and go(at)

        return (done() or more()) if lazy else (more() or done())


atoms = st.sampled_from(["a", "b", " ", r"\w", r"\s", ".", "[ab]", "[^a]", "ab", r"\b"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,3}"])).map(lambda two: f"({two[0]}){two[1]}"),
    ),
    max_leaves=7,
)


@settings(max_examples=150, deadline=None)
@given(patterns, st.text("ab ", min_size=SHORT, max_size=SHORT))
def test_no_text_asks_for_more_steps_than_foretold(pattern, text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtracking, "LONGEST", SHORT)
        tree = parse(pattern + "!", re.IGNORECASE)
        told = backtracking.work(tree)
    counted = Counted(text)  # without a "!": every way is tried
    with suppress(OverflowError):
        assert not counted.match(list(tree), 0, lambda _: True)
    assert counted.steps <= PER_STEP * told


def test_the_matcher_catches_a_bound_that_is_too_low():
    counted = Counted("a" * SHORT)
    assert not counted.match(list(parse("(a*)(a*)a*!")), 0, lambda _: True)
    assert counted.steps > PER_STEP * 3 * SHORT  # what three repeats cost that do not share a text


@pytest.mark.parametrize(
    "pattern",
    [r"^\s*\d+\.\s+", r"^\s*[-*]\s+.*", r"\d+\s*(g|ml|cups?)\b", r"^#+\s+\w+.*$", r"(\w+\s+){3}", "(foo|bar)+",
     r"\w+@\w+\.\w+", r"rating:?\s*\d+\s*/\s*\d+", r"(very\s+)*good", r"\"[^\"]+\"\s+said\s+\w+", r"dear\s+\w+\s*,",
     r"^\s*(?:[-*•]|\d+[.)])\s+\S.*$", r"\$\s?\d+(?:[.,]\d+)*", "([A-Z][a-z]+ ){2,}", r"\bstep\s+\d+\s*:"],
)  # fmt: skip
def test_ordinary_patterns_are_admitted(pattern):
    assert compiled(pattern, "theme 'x'").pattern == pattern


@pytest.mark.parametrize("pattern", [r".*.*\s+x", r"(\w+\s*)+x", r"(?:a(?=.*.*x))*b", "(K+k)+k+x", r"((\d+,?)+)+x",
                                     "(ſ+s)*x", "(a+b?)*c", r"\w+\b\w+\b\w+x"])  # fmt: skip
def test_repeats_that_share_a_text_are_not(pattern):
    with pytest.raises(CodebookError, match="very long"):
        compiled(pattern, "theme 'x'")
