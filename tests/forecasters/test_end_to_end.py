"""The whole instrument on made-up activations whose futures are known exactly: chains that bend with x."""

from itertools import pairwise

import numpy as np
import pytest

from forepath.forecasters import BaseRate, LinearForecaster, Markov
from forepath.forecasters.odds import softmax
from forepath.records import UNKNOWN, Forecast, Futures
from forepath.stats.judge import Judge

THEMES = (*"abcdefghijk", "end")
END, HORIZON, SAMPLES = 11, 3, 32


class World:
    """theme_1 ~ softmax(W x); theme_h | theme_{h-1} ~ softmax(W x / 2 + U[theme_{h-1}]); `end` absorbs."""

    def __init__(self, seed, width=16):
        rng = np.random.default_rng(seed)
        self.rng, self.width = rng, width
        self.weights = rng.standard_normal((width, 12)) * 1.2 / np.sqrt(width)
        self.links = rng.standard_normal((12, 12)) * 1.5

    def tables(self, x):
        """(prompts, 12, 12) P(after | before)."""
        tables = softmax((x @ self.weights)[:, None] / 2 + self.links)
        tables[:, END] = np.eye(12)[END]
        return tables

    def steps(self, x):
        odds = [softmax(x @ self.weights)]
        for _ in range(1, HORIZON):
            odds.append(np.einsum("pb,pba->pa", odds[-1], self.tables(x)))
        return np.stack(odds, axis=1)

    def draw(self, x):
        first, tables = softmax(x @ self.weights), self.tables(x)
        steps = [self.pick(np.repeat(first[:, None], SAMPLES, axis=1))]
        for _ in range(1, HORIZON):
            steps.append(self.pick(tables[np.arange(len(x))[:, None], steps[-1]]))
        return Futures(THEMES, np.stack(steps, axis=2).astype(np.int16))

    def pick(self, odds):
        return (odds.cumsum(-1)[..., :-1] < self.rng.random((*odds.shape[:-1], 1))).sum(-1)


@pytest.fixture(scope="module")
def fitted():
    world = World(0)
    x = world.rng.standard_normal((1200, world.width))
    futures = world.draw(x)
    train, test = Futures(THEMES, futures.steps[:600]), Futures(THEMES, futures.steps[600:])
    return world, x[:600], x[600:], train, Judge(test, train), LinearForecaster().fit(x[:600], train)


def test_explains_nearly_everything(fitted):
    world, _, x, _, judge, forecaster = fitted
    forecast = forecaster.predict(x)
    truth = world.steps(x)
    for score in judge.score("linear", forecast):
        h = score.step - 1
        p, q = truth[:, h], forecast.steps[:, h]
        least, most = -(p * np.log(p)).sum(1).mean(), -(p * np.log(judge.base[h])).sum(1).mean()
        part = (most + (p * np.log(q)).sum(1).mean()) / (most - least)
        print(score, f"truly explained {part:.3f}")
        assert part > (0.97, 0.9, 0.9)[h]  # a mixture over the theme before is not quite linear in x
        assert score.explained == pytest.approx(part, abs=0.08)
        assert score.cross_entropy == pytest.approx(-(p * np.log(q)).sum(1).mean(), abs=0.03)
        assert score.ece < 0.01 and score.k_raw > 100
    exact = [s.explained for s in judge.score("exact", Forecast(THEMES, truth))]
    assert exact == pytest.approx([1] * HORIZON, abs=0.08)


def test_a_forecaster_of_few_prompts_is_worth_what_its_true_error_says(fitted):
    world, x, unseen, train, judge, _ = fitted
    forecast = LinearForecaster(chains=False).fit(x[:60], Futures(THEMES, train.steps[:60])).predict(unseen)
    truth = world.steps(unseen)
    for score, interval in zip(judge.score("few", forecast), judge.worth(forecast), strict=True):
        p, q = truth[:, score.step - 1], forecast.steps[:, score.step - 1]
        k_true = (1 - (p**2).sum(1)).mean() / ((p - q) ** 2).sum(1).mean()
        print(score, interval, f"true k* {k_true:.1f}")
        assert score.k_raw == pytest.approx(k_true, rel=0.25)
        assert interval.low < score.k_star < interval.high and interval.value == pytest.approx(score.k_star)


def test_shuffled_labels_explain_nothing(fitted):
    """The leak test: the same instrument, with the prompts' futures dealt to other prompts."""
    _, x, unseen, train, judge, _ = fitted
    dealt = Futures(THEMES, train.steps[np.random.default_rng(1).permutation(len(x))])
    for score in judge.score("shuffled", LinearForecaster(chains=False).fit(x, dealt).predict(unseen)):
        print(score)
        assert -0.1 < score.explained < 0.02 and score.k_star < 0.5


def test_beats_its_rivals_and_chains_beat_the_base_rate_of_chains(fitted):
    _, x, unseen, train, judge, forecaster = fitted
    ours = forecaster.predict(unseen)
    unknown = np.full(len(x), UNKNOWN)
    rivals = [BaseRate().fit(x, train).predict(unseen), Markov().fit(unknown, train).predict(unknown)]
    for rival in rivals:
        assert all(d.high < 0 for d in judge.difference(ours, rival))


def test_chain_probabilities_are_the_true_ones(fitted):
    world, _, x, _, _, forecaster = fitted
    forecast, rows = forecaster.predict(x), np.arange(len(x))
    first, tables = softmax(x @ world.weights), world.tables(x)
    errors, least = [], 0.02
    for j, chain in enumerate(forecast.chains):
        index = [THEMES.index(t) for t in chain]
        true = first[:, index[0]].copy()
        for before, after in pairwise(index):
            true *= tables[rows, before, after]
        errors.append(np.abs(forecast.probs[:, j] - true)[(true > least) & (forecast.probs[:, j] > 0)])
    assert len(np.concatenate(errors)) > 1000
    assert np.concatenate(errors).mean() < 0.012
    assert 0.4 < forecast.probs.sum(axis=1).mean() <= 1


def test_a_linear_text_rival_can_be_wide():
    """More features than prompts, as TF-IDF has; only the first matters."""
    rng = np.random.default_rng(0)
    x = np.maximum(rng.standard_normal((300, 2000)) - 1.5, 0)
    x[:, 0] = 3 * rng.standard_normal(300)
    drawn = (rng.random((300, 16, 1)) < 1 / (1 + np.exp(-x[:, None, :1]))).astype(np.int16)
    futures = Futures(("a", "end"), drawn)
    forecast = LinearForecaster("none").fit(x[:200], Futures(("a", "end"), drawn[:200])).predict(x[200:])
    judge = Judge(Futures(("a", "end"), futures.steps[200:]), Futures(("a", "end"), futures.steps[:200]))
    assert judge.score("wide", forecast)[0].explained > 0.8
