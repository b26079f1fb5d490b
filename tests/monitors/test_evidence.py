"""The off-path alarm: its false-alarm rate where the forecast is exact, its delay where the text deviates."""

import numpy as np
import pytest
from monitor_toys import toy_grammar
from scipy.stats import binom

from forepath.errors import InputError
from forepath.monitors.evidence import Capital, Evidence
from forepath.monitors.threshold import calibrated, conformal_e, ville
from forepath.records import END
from forepath.worlds.posterior import posterior

RUNS = 10_000


def at_least(hits: int, runs: int, rate: float) -> float:
    """P(at least so many hits | rate): small if the rate does not hold."""
    return float(binom.sf(hits - 1, runs, rate))


def follow(odds: np.ndarray, themes: np.ndarray) -> Evidence:
    """`odds` (rows, steps, themes), `themes` (rows, steps), -1 after the end."""
    evidence = Evidence(len(themes))
    for step in range(themes.shape[1]):
        evidence.bet(odds[:, step], themes[:, step])
    return evidence


def drawn(rng: np.random.Generator, odds: np.ndarray) -> np.ndarray:
    return (rng.random(odds.shape[:-1])[..., None] > odds.cumsum(axis=-1)).sum(axis=-1).clip(max=odds.shape[-1] - 1)


@pytest.fixture(scope="module")
def conversations():
    """(odds, themes) of documents of the toy grammar, drawn by its writer, forecast by its exact reader."""
    grammar = toy_grammar(most_segments=6)
    known: dict[tuple[str, tuple[str, ...]], np.ndarray] = {}
    beliefs: dict[str, object] = {}
    odds, themes = np.zeros((RUNS, 7, len(grammar.themes))), np.full((RUNS, 7), -1)
    odds[:] = 1 / len(grammar.themes)
    for row, document in enumerate(grammar.documents(3, RUNS)):
        header = document.text[: document.header]
        if header not in beliefs:
            beliefs[header] = posterior(grammar, header)
        if (header, document.chain) not in known:
            known[header, document.chain] = beliefs[header].along(document.chain)
        steps = known[header, document.chain]
        odds[row, : len(steps)] = steps
        themes[row, : len(steps)] = [grammar.themes.index(t) for t in document.chain]
    return grammar, odds, themes


def test_odds_along_a_chain_multiply_to_the_odds_of_the_chain():
    belief = posterior(toy_grammar(), "The pie\nby Jo\n\n")
    for chain in belief.chains(4, most=6).chains:
        steps = belief.along(chain)
        each = [steps[k, belief.themes.index(t)] for k, t in enumerate(chain)]
        assert np.isclose(np.prod(each), belief.chain_prob(chain)) and np.allclose(steps.sum(axis=1), 1)
        assert all(np.allclose(belief.after(chain[:k]), steps[k]) for k in range(len(chain)))
    with pytest.raises(InputError, match="no 'bye' as its step"):
        belief.along(("needs", "bye", "bye"))


@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_false_alarms_in_the_grammar_are_within_the_nominal_rate(conversations, rate):
    _, odds, themes = conversations
    hits = int((follow(odds, themes).highest >= ville(rate)).sum())
    assert at_least(hits, RUNS, rate) > 0.025, f"{hits} false alarms of {RUNS}: more than {rate} allows"


def test_the_check_of_the_rate_fails_for_a_forecast_that_is_wrong(conversations):
    _, odds, themes = conversations
    wrong = np.roll(odds, 1, axis=2) * 0.98 + odds * 0.02
    hits = int((follow(wrong, themes).highest >= ville(0.05)).sum())
    assert at_least(hits, RUNS, 0.05) < 1e-6


def test_long_conversations_keep_the_rate_too_and_it_is_not_idle():
    rng = np.random.default_rng(0)
    odds = rng.dirichlet(np.full(5, 0.7), size=(RUNS, 60))
    highest = follow(odds, drawn(rng, odds)).highest
    for rate in (0.01, 0.05):
        hits = int((highest >= ville(rate)).sum())
        assert at_least(hits, RUNS, rate) > 0.025
        assert hits > 0.05 * rate * RUNS, "so few alarms that the evidence must be idle"


def test_a_deviation_is_noticed_soon_after_it_begins():
    """Four themes that come 70 : 10 : 10 : 10 turn even after ten sentences."""
    rng = np.random.default_rng(1)
    rows, steps, begins = 2000, 60, 10
    odds = np.full((rows, steps, 4), 0.1)
    odds[..., 0] = 0.7
    truth = odds.copy()
    truth[:, begins:] = 0.25
    themes = drawn(rng, truth)
    evidence, first = Evidence(rows), np.full(rows, 10**6)
    for step in range(steps):
        value = evidence.bet(odds[:, step], themes[:, step])
        first = np.where((value >= ville(0.05)) & (first > steps), step, first)
    caught = (first >= begins) & (first < steps)
    assert (first < begins).mean() < 0.05 and caught.mean() > 0.9
    assert np.median(first[caught] - begins) < 20


def test_what_was_called_impossible_raises_the_alarm_at_once_and_what_was_not_judged_never():
    evidence = Evidence(2)
    value = evidence.bet(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([1, -1]))
    assert value.tolist() == [np.inf, 1.0]


def test_odds_that_are_no_odds_are_refused():
    with pytest.raises(InputError, match="at most 1"):
        Evidence(1).bet(np.array([[0.9, 0.9]]), np.array([0]))
    with pytest.raises(InputError, match="at most 1"):
        Capital().bet([0.9, 0.9], 0)


def overconfident(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Highest evidence of conversations whose forecaster is far too sure of itself."""
    truth = rng.dirichlet(np.full(6, 1.0), size=(rows, 12))
    sure = truth**2.5
    return follow(sure / sure.sum(axis=-1, keepdims=True), drawn(rng, truth)).highest


def test_a_learned_forecast_breaks_the_plain_limit_and_the_calibrated_one_holds():
    rng = np.random.default_rng(2)
    assert (overconfident(rng, 4000) >= ville(0.05)).mean() > 0.1
    new, aside = overconfident(rng, 100 * 300), overconfident(rng, 100 * 300).reshape(100, 300)
    rates = [(new[i * 300 : (i + 1) * 300] > calibrated(aside[i], 0.05)).mean() for i in range(100)]
    spread = np.std(rates) / 10
    assert np.mean(rates) < 0.05 + 2 * spread and np.mean(rates) > 0.03


def test_too_few_conversations_to_calibrate_never_raise_an_alarm():
    assert calibrated(np.ones(50), 0.01) == np.inf
    with pytest.raises(InputError, match="between 0 and 1"):
        ville(5)


def test_conformal_e_values_have_mean_one():
    rng = np.random.default_rng(3)
    scores = rng.pareto(1.5, size=(20_000, 10)) + 1
    mean = np.mean([conformal_e(row[1:], row[0]) for row in scores])
    assert abs(mean - 1) < 0.03


def test_the_end_is_a_theme_like_any_other(conversations):
    grammar, _, themes = conversations
    assert (themes == grammar.themes.index(END)).sum() == RUNS


def test_one_conversation_alone_has_the_evidence_it_has_among_others():
    rng = np.random.default_rng(8)
    odds = rng.dirichlet(np.ones(5), size=(40, 2))
    odds[39, 0, 3] = 0.0
    themes = np.array([[3 if n == 39 else rng.integers(-1, 5), rng.integers(5)] for n in range(40)])
    both, alone = Evidence(2), Capital()
    for given, came in zip(odds, themes, strict=True):
        np.testing.assert_allclose(alone.bet(given[0].tolist(), int(came[0])), both.bet(given, came)[0], rtol=1e-12)
    assert alone.highest == both.highest[0] == np.inf
