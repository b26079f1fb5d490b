"""Conditional odds in words, against the exact answer of the document grammar; and odds that do not fit together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from forepath.errors import InputError
from forepath.forecasters.conditionals import Conditional, Event, conditional, prompts_like_this
from forepath.records import Forecast, Futures
from forepath.stats.coherence import coherent
from forepath.worlds.documents import document_grammar
from forepath.worlds.exact import exact_forecast
from forepath.worlds.posterior import posterior

THEMES = ("story", "rating", "list", "end")


@pytest.fixture(scope="module")
def exact():
    """(forecasts of a few real prompts listing nearly every chain, the beliefs behind them)"""
    grammar = document_grammar()
    prompts = [p.text for p in grammar.prompts(5, 3)]
    return exact_forecast(grammar, prompts, horizon=3, chains=3000), [posterior(grammar, p) for p in prompts]


def test_the_odds_are_those_of_the_grammar(exact):
    forecast, beliefs = exact
    judged = 0
    for row, belief in enumerate(beliefs):
        first = belief.next_theme()
        for i in np.flatnonzero(first > 0.05):
            given = Event(forecast.themes[i], 1)
            if given.theme == "end":
                continue
            for theme in forecast.themes:
                true = belief.chain_prob((given.theme, theme)) / first[i]
                if true > 0.05:
                    found = conditional(forecast, row, Event(theme, 2), given)
                    assert found.low - 1e-9 <= true <= found.high + 1e-9
                    assert found.odds == pytest.approx(true, abs=found.unlisted + 1e-9) and found.unlisted < 0.05
                    others = {forecast.themes[j] for j in np.flatnonzero(first)} - {given.theme, "end"}
                    rest = sum(belief.chain_prob((o, theme)) for o in sorted(others)) + (theme == "end") * first[-1]
                    if 1 - first[i] > 0.05:
                        assert found.otherwise == pytest.approx(rest / (1 - first[i]), abs=0.3 * found.unlisted + 0.02)
                    judged += 1
    assert judged >= 5


def test_a_forecast_that_confuses_the_two_is_caught_by_the_grammar(exact):
    """The oracle must fail for P(given | then) in place of P(then | given)."""
    forecast, beliefs = exact
    apart = []
    for row, belief in enumerate(beliefs):
        first, second = belief.next_theme(), belief.step(2)
        i, j = int(first.argmax()), int(second.argmax())
        true = belief.chain_prob((forecast.themes[i], forecast.themes[j])) / first[i]
        turned = conditional(forecast, row, Event(forecast.themes[i], 1), Event(forecast.themes[j], 2))
        apart.append(abs(turned.odds - true))
    assert max(apart) > 0.05


def small():
    chains = (("story", "rating"), ("story", "list"), ("list", "rating"), ("list", "end"), ("rating", "end"))
    probs = np.array([[0.12, 0.08, 0.2, 0.4, 0.1]])
    return Forecast(THEMES, np.full((1, 2, 4), 0.25), chains, probs)


def test_what_is_not_listed_widens_the_interval_from_none_to_all_of_it():
    found = conditional(small(), 0, Event("rating"), Event("story", 1))
    assert found.odds == pytest.approx(0.6) and found.otherwise == pytest.approx(0.3 / 0.7)
    assert (found.low, found.high) == (pytest.approx(0.12 / 0.3), pytest.approx(0.22 / 0.3))
    assert found.unlisted == pytest.approx(0.1) and found.given_odds == pytest.approx(0.2 / 0.9)
    whole = replace(small(), probs=small().probs / 0.9)
    sure = conditional(whole, 0, Event("rating"), Event("story", 1))
    assert sure.low == pytest.approx(sure.high) == pytest.approx(0.6)


def test_members_of_an_ensemble_widen_it_too_and_prompts_like_this_are_counted():
    whole = replace(small(), probs=small().probs / 0.9)
    rng = np.random.default_rng(0)
    members = []
    for _ in range(40):
        probs = whole.probs * rng.uniform(0.5, 2.0, size=whole.probs.shape)
        members.append(replace(whole, probs=probs / probs.sum()))
    training = Futures(THEMES, np.array([[[0, 1], [2, 1]], [[2, 0], [2, 0]], [[0, -1], [-1, -1]]], dtype=np.int16))
    found = conditional(whole, 0, Event("rating"), Event("story", 1), members=members, training=training)
    assert found.low < 0.5 < 0.6 < 0.7 < found.high and found.prompts == 2
    assert prompts_like_this(training, Event("story")) == 3
    assert found.sentence == (
        f"`rating` follows with 60 % if `story` comes next, 43 % otherwise (90 % interval {100 * found.low:.0f}–"
        f"{100 * found.high:.0f} %; 2 training prompts like this)"
    )


def test_what_could_not_be_judged_says_so_and_what_is_not_forecast_is_refused():
    never = conditional(small(), 0, Event("rating"), Event("end", 1))
    assert np.isnan(never.odds) and "could not be judged" in never.sentence
    always = Conditional(Event("list", 2), Event("story", 1), 1.0, float("nan"), 1.0, 0.995, 1.0, 0.9, 0.0, 1)
    assert always.sentence == (
        "`list` is theme 2 with 100 % if `story` comes next (90 % interval 99.5–100 %; 1 training prompt like this)"
    )
    for wrong, says in [
        (Event("poem"), "no theme 'poem'"), (Event("story", 3), "steps 1 to 2"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=says):
            conditional(small(), 0, wrong, Event("story", 1))
    with pytest.raises(InputError, match="row 1"):
        conditional(small(), 1, Event("rating"), Event("story", 1))
    with pytest.raises(InputError, match="no chains"):
        conditional(Forecast(THEMES, small().steps), 0, Event("rating"), Event("story", 1))
    with pytest.raises(InputError, match="between 0 and 1"):
        conditional(small(), 0, Event("rating"), Event("story", 1), level=90)


odds = st.floats(0.0, 1.0, allow_subnormal=False)


@settings(max_examples=80, deadline=None)
@drawn(odds, odds, odds)
def test_the_nearest_coherent_odds_fit_and_are_near(a, c, b):
    found = coherent(a, c, b)
    both = found.a_given_b * found.b
    assert both <= found.a + 1e-6 and found.a - both <= 1 - found.b + 1e-6
    fits = c * b <= a + 1e-12 and a - c * b <= 1 - b + 1e-12
    assert (found.moved == 0) == fits or found.moved < 1e-6
    if found.b < 1 - 1e-6:
        total = found.a_given_b * found.b + found.a_without_b * (1 - found.b)
        assert total == pytest.approx(found.a, abs=1e-6)


def test_no_coherent_odds_on_a_fine_grid_are_nearer():
    told = np.array([0.3, 0.9, 0.6])

    def apart(odds):
        return (told * np.log(told / odds) + (1 - told) * np.log((1 - told) / (1 - odds))).sum(-1)

    grid = np.linspace(0.01, 0.99, 99)
    every = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), -1).reshape(-1, 3)
    fits = (every[:, 1] * every[:, 2] <= every[:, 0]) & (every[:, 0] - every[:, 1] * every[:, 2] <= 1 - every[:, 2])
    best = every[fits][apart(every[fits]).argmin()]
    found = coherent(*told)
    assert np.array([found.a, found.a_given_b, found.b]) == pytest.approx(best, abs=0.015)
    assert apart(np.array([found.a, found.a_given_b, found.b])) <= apart(best) + 1e-9
    sure = coherent(*told, weights=(1.0, 1.0, 100.0))
    assert abs(sure.correction[2]) < 0.2 * abs(found.correction[2])
    with pytest.raises(InputError, match="odds in"):
        coherent(1.2, 0.5, 0.5)
