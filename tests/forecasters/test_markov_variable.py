"""The Markov chain of variable order against the chain it was drawn from, and against the first-order one."""

import numpy as np
import pytest

from forepath.checks import check_forecaster
from forepath.errors import ActivationError
from forepath.forecasters import Markov, MarkovVariable
from forepath.records import Forecast, Futures
from forepath.stats.judge import Judge

THEMES = ("a", "b", "c", "d", "end")


def world(seed, prompts, second=1.0):
    """(last two themes, futures, truth): the odds depend on the last two themes (`second` 1) or the last one (0)."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(99)
    one, two = fixed.dirichlet(np.full(5, 0.5), size=4), fixed.dirichlet(np.full(5, 0.3), size=(4, 4))
    truth = (1 - second) * one[None] + second * two
    last = rng.integers(0, 4, size=(prompts, 2))
    before, now = (np.repeat(last[:, i : i + 1], 16, axis=1) for i in range(2))
    steps = []
    for _ in range(3):
        odds = truth[np.minimum(before, 3), np.minimum(now, 3)]
        drawn = (odds.cumsum(-1)[..., :-1] < rng.random((*now.shape, 1))).sum(-1)
        before, now = now, np.where(now == 4, 4, drawn)
        steps.append(now)
    return last, Futures(THEMES, np.stack(steps, 2).astype(np.int16)), truth


def test_recovers_the_second_order_odds_and_the_chains_that_follow():
    last, futures, truth = world(0, 2000)
    ask = np.array([[i, j] for i in range(4) for j in range(4)])
    forecast = MarkovVariable(3).fit(last, futures).predict(ask)
    assert np.abs(forecast.steps[:, 0] - truth[ask[:, 0], ask[:, 1]]).max() < 0.03
    exact = np.zeros((16, 5))
    for row, (i, j) in enumerate(ask):
        exact[row, 4] = truth[i, j, 4]
        exact[row] += sum(truth[i, j, k] * truth[j, k] for k in range(4))
    assert np.abs(forecast.steps[:, 1] - exact).max() < 0.03
    chain = ("a", "b", "c")
    true = truth[ask[:, 0], ask[:, 1], 0] * truth[ask[:, 1], 0, 1] * truth[0, 1, 2]
    assert np.abs(forecast.probs[:, forecast.chains.index(chain)] - true).max() < 0.02


def test_longer_contexts_help_where_they_matter_and_hardly_harm_where_they_do_not():
    for second, least, most in ((1.0, 0.05, 9.0), (0.0, -0.01, 0.01)):
        last, futures, _ = world(1, 300, second)
        train, test = Futures(THEMES, futures.steps[:150]), Futures(THEMES, futures.steps[150:])
        judge = Judge(test, train)
        longer = judge.score("", MarkovVariable(4).fit(last[:150], train).predict(last[150:]))
        first = judge.score("", Markov().fit(last[:150, 1], train).predict(last[150:, 1]))
        for a, b in zip(longer, first, strict=True):
            print(second, a.step, a.cross_entropy, b.cross_entropy)
            if a.step < 3 or not second:
                assert least < b.cross_entropy - a.cross_entropy < most


def test_backs_off_by_as_much_as_the_data_ask_for():
    last, futures, _ = world(2, 1000, 0.0)
    useless, _ = MarkovVariable(2).fit(last, futures).strengths
    last, futures, _ = world(2, 1000, 1.0)
    useful, _ = MarkovVariable(2).fit(last, futures).strengths
    assert useless[1] > 50 * useful[1]


def test_contexts_that_each_only_one_prompt_had_are_not_trusted():
    """Prompts differ, but not by their last themes: what looks sure within a prompt says nothing of another."""
    rng = np.random.default_rng(0)
    truth = rng.dirichlet(np.full(5, 0.3), size=300)
    drawn = (truth.cumsum(1)[:, None, :-1] < rng.random((300, 16, 1))).sum(-1)
    futures = Futures(THEMES, drawn[..., None].astype(np.int16))
    last = rng.integers(0, 4, size=(300, 4))
    train, test = Futures(THEMES, futures.steps[:150]), Futures(THEMES, futures.steps[150:])
    judge = Judge(test, train)
    score = judge.score("", MarkovVariable(4).fit(last[:150], train).predict(last[150:]))[0]
    print(score)
    assert score.explained > -0.03
    contexts = {tuple(c) for c in last[:150].tolist()}
    trusting = np.array([[np.bincount(drawn[:150][(last[:150] == c).all(1)].ravel(), minlength=5) + 0.5]
                         if tuple(c) in contexts else [np.full(5, 1.0)] for c in last[150:].tolist()])  # fmt: skip
    assert judge.score("", Forecast(THEMES, trusting / trusting.sum(-1, keepdims=True)))[0].explained < -0.3


def test_keeps_the_contract():
    rng = np.random.default_rng(0)
    last = rng.integers(0, 4, size=(40, 3))
    last[:10, 0] = -1
    last[:4, 1] = -1
    last[0] = -1
    check_forecaster(MarkovVariable, last)
    check_forecaster(lambda: MarkovVariable(1), np.arange(40)[:, None] % 5 - 1)


@pytest.mark.parametrize("last", [[[0.5, 1]], [[0, 5]], [[0, -2]], [[1, -1]]])
def test_what_is_no_context_is_refused(last):
    with pytest.raises(ActivationError, match="0 to 4, oldest first"):
        MarkovVariable().fit(np.array(last), Futures(THEMES, np.zeros((1, 2, 2), dtype=np.int16)))


def test_an_order_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        MarkovVariable(0)
