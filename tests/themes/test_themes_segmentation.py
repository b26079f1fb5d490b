"""Sentences, structural blocks, change points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forepath.themes.segmentation import blocks, change_points, segment, units_of
from forepath.themes.sentences import sentences

PIECES = st.sampled_from(
    ["\n", "\n\n", " ", "- ", "```", "# Head", "ACT I.", "KING. ", "Ann: ", "One more.", "Dr. No", "3) x", "* * *",
     "The sun rose\n", "a\tb", "…", "?!", "é", "\u2028", "\r\n", "x", "====="]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))


def is_partition(text, spans):
    """In order, not empty, no white space at the ends, and nothing but white space outside."""
    at = 0
    for a, b in spans:
        if not (at <= a < b <= len(text)) or text[at:a].strip() or text[a:b].strip() != text[a:b]:
            return False
        at = b
    return not text[at:].strip()


@given(TEXTS)
def test_segments_and_units_partition_the_text(text):
    assert is_partition(text, [(s.start, s.stop) for s in segment(text)])
    found = blocks(text)
    assert is_partition(text, [(b.start, b.stop) for b in found])
    assert is_partition(text, [u for b in found for u in units_of(text, b)])
    assert is_partition(text, sentences(text))


def test_the_partition_check_can_fail():
    assert is_partition("ab cd", [(0, 2), (3, 5)])
    for wrong in ([(0, 2)], [(0, 3), (3, 5)], [(3, 5), (0, 2)], [(0, 2), (2, 5)], [(0, 2), (2, 2), (3, 5)]):
        assert not is_partition("ab cd", wrong)


def cut(text):
    return [(b.kind, text[b.start : b.stop]) for b in blocks(text)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("One. Two.\n\nThree.", ["prose", "prose"]),
        ("# Title\n\nBody here.\n\n## Next\nMore.", ["prose", "prose"]),
        ("Title\n=====\nBody.", ["prose"]),
        ("You need:\n- eggs\n- salt\n\nBeat them.", ["list", "prose"]),
        ("3 cups\n- salt", ["list"]),
        ("Say it.\n```py\nx = 1\n\ny = 2\n```\nDone.", ["prose", "code", "prose"]),
        ("```\nnever closed\n\nstill code", ["code"]),
        ("HAMLET. To be.\nHORATIO. My lord?\n  What is it?", ["turn", "turn"]),
        ("Ann: hello\nBen: hi", ["turn", "turn"]),
        ("The rose is red\nThe violet blue\nThe honey's sweet\n\nAnd so are you.", ["verse", "prose"]),
        ("It was a wide and\nweary land, and we\nwalked on.", ["prose"]),
        ("* * *\n\nThen it rained.", ["prose"]),
        ("", []),
        (" \n\t\n", []),
    ],
)
def test_structure(text, kinds):
    assert [kind for kind, _ in cut(text)] == kinds


def test_sentences_with_traps():
    text = 'Mr. J. Smith paid $3.50 on p. 4. "Why?" he asked. I (too) left... Then it rained!" All wet.'
    assert [text[a:b] for a, b in sentences(text)] == [
        "Mr. J. Smith paid $3.50 on p. 4.",
        '"Why?" he asked.',
        "I (too) left...",
        'Then it rained!"',
        "All wet.",
    ]


def test_change_points_are_found_where_the_direction_changes_and_only_there():
    rng = np.random.default_rng(0)
    axes = np.repeat(np.eye(3, 60), [8, 6, 10], axis=0)

    def rows(mean):
        noisy = mean + 0.1 * rng.standard_normal((24, 60))
        return noisy / np.linalg.norm(noisy, axis=1, keepdims=True)

    assert change_points(rows(axes)) == [8, 14]
    assert change_points(rows(np.eye(1, 60))) == []
    assert change_points(np.eye(2)) == []


def test_long_blocks_are_cut_by_embedding_and_short_ones_are_not():
    def embed(texts):
        rows = np.array([[t.count("a") + 0.1, t.count("b") + 0.1 + 0.01 * len(t)] for t in texts])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    long = " ".join(
        ["A" + "a" * (n % 3 + 3) + "." for n in range(8)] + ["B" + "b" * (n % 3 + 3) + "." for n in range(8)]
    )
    assert [long[s.start : s.stop][:2] for s in segment(long, embed)] == ["Aa", "Bb"]
    assert len(segment(long)) == 1
    assert len(segment("Aaa. Bbb. Aaa.", embed)) == 1
