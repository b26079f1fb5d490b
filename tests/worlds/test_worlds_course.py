"""The tables of a theme chain, against numbers worked out by hand from the toy's odds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forepath.records import END
from forepath.worlds import course
from forepath.worlds.documents import document_grammar
from forepath.worlds.exact import exact_forecast
from forepath.worlds.grammar import Grammar
from forepath.worlds.posterior import posterior


@pytest.fixture
def recipe(toy: Callable[..., Grammar]) -> course.Course:
    return toy(most_segments=6, most_sentences=3).courses[0]


def test_tables_are_probabilities(recipe: course.Course) -> None:
    for table in (recipe.move, recipe.start, recipe.lengths):
        assert table.min() >= 0 and np.allclose(table.sum(axis=-1), 1)
    assert recipe.prior.sum() == pytest.approx(1)
    assert np.all(recipe.move[-1, ..., -1] == 1)
    for s in range(len(recipe.themes)):
        assert np.all(recipe.move[:, :, s, ..., s] == 0)
    assert np.all(recipe.goes_on[..., -1] == 0)


def test_a_move_worked_out_by_hand(recipe: course.Course) -> None:
    """From `needs` at position 1, persona "curt" (closing: steps), dry tone, no flag; written from the description."""
    end = 0.03 + 0.97 / (1 + math.exp(-(-4.2 + 1.0)))
    odds = {
        "steps": 3 / 4 * math.exp(0.7 - 1.5 + 0.5),
        "tale": 1 / 4,
        "care": 0.1 * math.exp(-4.0),
    }
    row = recipe.move[0, 0, recipe.index["needs"], 1, 1, 0]
    for theme, i in recipe.index.items():
        assert row[i] == pytest.approx((1 - end) * odds.get(theme, 0.0) / sum(odds.values()))
    assert row[-1] == pytest.approx(end)


def test_the_cue_by_hand(recipe: course.Course) -> None:
    """At position 4 the payoff gains 4 where the title has the cue and it is unpaid, else loses 4; the end waits."""
    rows = recipe.move[2, :, recipe.index["steps"], 1, 1]
    care, tale = recipe.index["care"], recipe.index["tale"]
    base = 0.1 / (1.0 / 1.5)
    for paid, flag, bonus in ((0, 0, -4), (0, 1, 4), (1, 0, -4), (1, 1, -4)):
        assert rows[paid, flag, care] / rows[paid, flag, tale] == pytest.approx(base * math.exp(bonus))
    assert rows[0, 1, -1] < rows[1, 1, -1] == rows[0, 0, -1]


def test_sentences_by_hand(recipe: course.Course) -> None:
    odds = np.array([1.0, 1.2 * math.exp(0.5), 0.7 * math.exp(1.0)])
    lengths = recipe.lengths[recipe.index["tale"], 0]
    assert lengths == pytest.approx(odds / odds.sum())
    assert recipe.goes_on[recipe.index["tale"], 0, 0] == pytest.approx(1 - lengths[0])
    assert recipe.goes_on[recipe.index["tale"], 0, 1] == pytest.approx(lengths[2] / (lengths[1] + lengths[2]))


def test_exact_forecast_is_the_beliefs(toy: Callable[..., Grammar]) -> None:
    g = toy()
    prompts = ["The pie\nby Jo", "My pier\nby Max\n\n"]
    forecast = exact_forecast(g, prompts, horizon=3, chains=4)
    assert forecast.steps.shape == (2, 3, len(g.themes)) and forecast.themes[-1] == END
    assert len(forecast.chains) == 4 and forecast.probs.shape == (2, 4)
    for row, prompt in enumerate(prompts):
        belief = posterior(g, prompt)
        assert np.array_equal(forecast.steps[row], belief.marginals(3))
        assert [belief.chain_prob(c) for c in forecast.chains] == forecast.probs[row].tolist()
    assert exact_forecast(g, prompts, horizon=3).probs.shape == (2, 0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 500), st.floats(0, 1))
def test_odds_of_a_prefix_fall_as_it_grows(seed: int, share: float) -> None:
    g = document_grammar()
    text = g.sample(seed).text
    cut = int(share * (len(text) - 1))
    shorter, longer = posterior(g, text[:cut]), posterior(g, text[: cut + 1])
    assert longer.log_prefix <= shorter.log_prefix + 1e-9
    assert shorter.marginals(4).sum(axis=1) == pytest.approx(np.ones(4))
    assert shorter.log_complete <= shorter.log_prefix
