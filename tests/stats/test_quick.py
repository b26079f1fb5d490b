"""The compiled products say what numpy says, and refuse what does not fit."""

import copy

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forepath.stats import quick
from forepath.themes import terms
from forepath.themes.terms import Lexicon

compiled = pytest.mark.skipif(not quick.COMPILED, reason="forepath was installed without a C compiler")
WORDS = ["a", "b", "don't", "it’s", "é", "²", "3", "٣", "_", "-", "*", "•", " ", "\n", "'", "Straße", "İ", "1a", "😀"]
texts = st.lists(st.one_of(st.sampled_from(WORDS), st.characters(exclude_categories=["Cs"])), max_size=20).map("".join)


def some_heads(seed: int = 0, width: int = 7, themes: int = 5, steps: int = 3):
    rng = np.random.default_rng(seed)
    floor = rng.uniform(0, 0.1, size=(steps, 1))
    return (rng.standard_normal((width, steps * themes)), rng.standard_normal((steps, themes)), 1 - floor,
            floor / themes, 2)  # fmt: skip


@compiled
@given(st.integers(0, 200), st.sampled_from([np.float32, np.float64]), st.sampled_from([1e-3, 1.0, 300.0]))
def test_compiled_odds_are_those_of_numpy(seed, kind, size):
    given = some_heads(seed)
    point = (size * np.random.default_rng(seed + 1).standard_normal(7)).astype(kind)
    ours, theirs = np.empty((3, 5)), np.empty((3, 5))
    said = (
        quick.odds(quick.heads(*given), point, ours),
        quick.odds_by_numpy(quick.heads_by_numpy(*given), point, theirs),
    )
    assert said[0] == said[1] and said[0] in (0, 1)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(ours.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    "point",
    [np.full(7, np.nan), np.array([np.inf] + [0.0] * 6), np.zeros(6), np.zeros((1, 7)), np.zeros(14)[::2],
     np.zeros(7, dtype=int)],
    ids=["nan", "inf", "narrow", "table", "apart", "whole numbers"],
)  # fmt: skip
def test_a_point_that_is_none_is_not_read(point):
    out = np.full((3, 5), 7.0)
    for heads, odds in ((quick.heads, quick.odds), (quick.heads_by_numpy, quick.odds_by_numpy)):
        assert odds(heads(*some_heads()), point, out) == -1 and (out == 7.0).all()


@compiled
def test_what_does_not_fit_is_refused():
    weights, intercepts, keep, floor, end = some_heads()
    for wrong in ((weights[:, 1:].copy(), intercepts, keep, floor, end), (weights, intercepts, keep[1:], floor, end),
                  (weights, intercepts, keep, floor, 5), (weights, intercepts, keep, floor, -1),
                  (weights.astype(np.float32), intercepts, keep, floor, end)):  # fmt: skip
        with pytest.raises(ValueError):
            quick.heads(*wrong)
    with pytest.raises(ValueError):
        quick.odds(quick.heads(*some_heads()), np.zeros(7), np.empty((3, 4)))
    lexicon, table, vectors = Lexicon(["a", "b"]), np.ones((2, 4), np.float32), np.ones((4, 3), np.float32)
    given = (terms.kinds(), *lexicon._hashed(), table, vectors)
    assert quick.cosines(quick.terms(*given), "") == [0.0] * 3
    for place, wrong in (
        (0, b"too few"),
        (2, given[2][1:].copy()),
        (3, table[:1]),
        (4, vectors[1:]),
        (4, table.astype(float)),
    ):
        with pytest.raises(ValueError):
            quick.terms(*given[:place], wrong, *given[place + 1 :])
    for call in (
        lambda: quick.odds(quick.terms(*given), np.zeros(7), np.empty((3, 5))),
        lambda: quick.cosines(None, "a"),
    ):
        with pytest.raises(ValueError):
            call()


def test_what_was_compiled_from_another_source_is_not_used(monkeypatch):
    import importlib
    import sys
    import types

    other = types.SimpleNamespace(**dict.fromkeys(("cosines", "heads", "odds", "terms")), version=lambda: 0)
    monkeypatch.setitem(sys.modules, "forepath.stats._quick", other)
    try:
        again = importlib.reload(quick)
        assert not again.COMPILED and again.odds is again.odds_by_numpy
    finally:
        monkeypatch.undo()
        importlib.reload(quick)


@pytest.mark.parametrize("order", ["C", "F"])
def test_tables_may_lie_in_memory_as_they_like(order):
    from forepath.themes.embeddings import TfidfEmbedder

    rng = np.random.default_rng(0)
    table, vectors = (
        np.asarray(rng.standard_normal((3, 4)), order=order),
        np.asarray(rng.standard_normal((2, 4)), order=order),
    )
    told = TfidfEmbedder(["egg", "flour", "two"], np.ones(3), table).nearness(vectors)("two eggs, flour")
    row = (table[1] + table[2]).astype(np.float16).astype(float)
    np.testing.assert_allclose(told, vectors @ row / np.linalg.norm(row), atol=0.01)


@compiled
@given(texts, st.lists(texts, min_size=1, max_size=8))
@example("  - two eggs", ["- two eggs"])
@example("it's it’s ''s 'a", ["it's 's a"])
@example("a²b ²b 12²", ["²b 1 a²b"])
def test_compiled_terms_are_those_of_the_pattern(text, known):
    lexicon = Lexicon(sorted({term for one in [*known, text[: len(text) // 2]] for term in terms.terms(one)} | {"a"}))
    rng = np.random.default_rng(0)
    table = rng.standard_normal((len(lexicon.numbers), 6)).astype(np.float32)
    vectors = rng.standard_normal((6, 3)).astype(np.float32)
    expected = lexicon._cosines(table, vectors, text)
    np.testing.assert_allclose(lexicon.nearness(table, vectors)(text), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("is_compiled", [pytest.param(True, marks=compiled), False])
def test_one_text_is_as_near_as_among_many(is_compiled, monkeypatch):
    from forepath.themes.embeddings import TfidfEmbedder

    monkeypatch.setattr(quick, "COMPILED", is_compiled)
    some = ["Beat two eggs.", "The court heard two lawyers.", "Eggs and flour and eggs.", "A lawyer's court. 😀"]
    embedder = TfidfEmbedder.fit(some)
    vectors = embedder.embed(some)
    told = [embedder.nearness(vectors)(text) for text in [*some, "nothing known"]]
    np.testing.assert_allclose(told, embedder.embed([*some, "nothing known"]) @ vectors.T, atol=1e-6)


def test_what_holds_compiled_parts_can_be_copied():
    from forepath.forecasters.linear import LinearForecaster
    from forepath.records import Futures
    from forepath.themes.codebook import Decoding
    from forepath.themes.embeddings import TfidfEmbedder
    from forepath.themes.labelling import NearestLabeller

    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 4))
    forecaster = LinearForecaster(penalty=1.0).fit(
        x, Futures(("a", "end"), rng.integers(0, 2, size=(40, 3, 1)).astype(np.int16))
    )
    embedder = TfidfEmbedder.fit(["two eggs", "two courts"])
    labeller = NearestLabeller(["a"], embedder.embed(["two eggs"]), [0], embedder, Decoding())
    before = forecaster.course(x[0])[0], labeller.cosines_of("eggs")
    after = copy.deepcopy(forecaster).course(x[0])[0], copy.deepcopy(labeller).cosines_of("eggs")
    np.testing.assert_array_equal(before[0], after[0])
    assert before[1] == after[1]
