"""The vocabulary keeps its promises, whatever the chains."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forepath.records import END, UNKNOWN, Futures, Segment, Trajectory, futures_of

THEMES = ("plan", "story", "rating", "other", END)
open_chains = st.lists(st.sampled_from(THEMES[:-1]), max_size=6).map(tuple)
chains = st.one_of(open_chains, open_chains.map(lambda c: (*c, END)))


@st.composite
def rounds(draw):
    samples = draw(st.integers(1, 4))
    return draw(st.lists(st.lists(chains, min_size=samples, max_size=samples), min_size=1, max_size=5))


@given(rounds(), st.integers(1, 8))
def test_futures_hold_the_chains_and_nothing_else(sampled, horizon):
    futures = futures_of(sampled, THEMES, horizon)
    for p, prompt in enumerate(sampled):
        for s, chain in enumerate(prompt):
            row = [THEMES[i] for i in futures.steps[p, s] if i != UNKNOWN]
            expected = list(chain[:horizon])
            if chain and chain[-1] == END:
                expected += [END] * (horizon - len(expected))
            assert row == expected
            known = futures.steps[p, s] != UNKNOWN
            assert not (~known[:-1] & known[1:]).any(), "a step is known after an unknown one"


@given(rounds(), st.integers(1, 8))
def test_frequencies_are_shares_of_what_was_observed(sampled, horizon):
    futures = futures_of(sampled, THEMES, horizon)
    shares, seen = futures.frequencies()
    assert shares.shape == (len(sampled), horizon, len(THEMES))
    assert (seen == (futures.steps != UNKNOWN).sum(axis=1)).all()
    assert np.isnan(shares[seen == 0]).all()
    assert np.allclose(shares[seen > 0].sum(axis=-1), 1)


@given(st.lists(st.sampled_from([*THEMES[:-1], None]), max_size=8), st.booleans())
def test_a_chain_has_no_repeats_side_by_side_and_ends_only_at_its_end(themes, finished):
    segments = tuple(Segment(i, i + 1, theme) for i, theme in enumerate(themes))
    chain = Trajectory("p/0", "s", "p", "", 0, (), "x" * len(themes), finished, segments=segments).chain
    assert all(a != b for a, b in itertools.pairwise(chain))
    assert (END in chain) == finished and END not in chain[:-1]
    assert set(chain) - {END} == {t for t in themes if t}


def test_the_oracle_can_fail():
    wrong = Futures(THEMES, np.array([[[UNKNOWN, 0]]], dtype=np.int16))
    known = wrong.steps[0, 0] != UNKNOWN
    assert (~known[:-1] & known[1:]).any()
