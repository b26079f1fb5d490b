"""Near-duplicate texts: the planted ones are found, all of them, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forepath.errors import InputError
from forepath.themes.duplicates import near_duplicates

TEXTS = [
    "Simple lemon cake\nby Ruth Calloway",
    "Bug report: the map does not load after the update on older phones",
    "Simple lemon cake\nby Tom Ashe",
    "Bug report: the map does not load after the update on older tablets",
    "bug report, the map does not load after the update on OLDER phones.",
    "",
    "?!",
    "Hello",
]


def test_planted_duplicates_are_found_and_nothing_else():
    pairs = [(p.first, p.second) for p in near_duplicates(TEXTS)]
    assert pairs == [(1, 3), (1, 4), (3, 4)]
    assert [(p.first, p.second) for p in near_duplicates(TEXTS, least=1.0)] == [(1, 4)]


def test_empty_texts_are_like_nothing():
    assert near_duplicates(["", "", "!"]) == []
    assert near_duplicates([]) == []


@given(st.lists(st.text(alphabet="ab c", max_size=12), max_size=8), st.floats(0.05, 1))
def test_likeness_is_the_jaccard_of_every_pair(texts, least):
    from forepath.themes.duplicates import _shingles

    sets = [set(_shingles(t)) for t in texts]
    wanted = {
        (i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j])
        for j in range(len(texts))
        for i in range(j)
        if sets[i] & sets[j]
    }
    got = {(p.first, p.second): p.likeness for p in near_duplicates(texts, least=least)}
    assert got == {pair: value for pair, value in wanted.items() if value >= least}


def test_a_likeness_outside_its_range_is_refused():
    with pytest.raises(InputError, match="least is 0"):
        near_duplicates(["a"], least=0)
