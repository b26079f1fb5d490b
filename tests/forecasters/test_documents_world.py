"""The instrument on the document grammar, whose odds are known: what a reader of the latents could forecast."""

import numpy as np
import pytest

from forepath.forecasters import LinearForecaster, Markov
from forepath.records import UNKNOWN, Forecast, futures_of
from forepath.stats.judge import Judge
from forepath.worlds.documents import document_grammar
from forepath.worlds.posterior import posterior

HORIZON, SAMPLES, TRAIN = 3, 32, 800


@pytest.fixture(scope="module")
def world():
    """(features, last themes, exact odds, samples) of 1,400 prompts.

    The features are beliefs about the latents, the last theme and the number of segments, turned and blurred as if they
    were activations; nothing in them is the answer.
    """
    grammar, rng = document_grammar(), np.random.default_rng(0)
    themes = grammar.themes
    features, last, odds, chains = [], [], [], []
    for prompt in grammar.prompts(1, 1400):
        belief = posterior(grammar, prompt.text)
        done = prompt.document.chain[: len(prompt.document.chain) - len(prompt.future)]
        last.append(themes.index(done[-1]) if done else UNKNOWN)
        latents = np.concatenate([np.log(np.maximum(p, 1e-4)) / 3 for p in belief.latents().values()])
        features.append([*latents, *belief.latents()["kind"], *np.eye(len(themes) + 1)[last[-1]], len(done)])
        odds.append(belief.marginals(HORIZON))
        likely = belief.chains(HORIZON, most=400)
        picked = rng.choice(len(likely.chains), size=SAMPLES, p=likely.probs / likely.probs.sum())
        chains.append([likely.chains[i] for i in picked])
    x = np.array(features)
    x = x @ np.linalg.qr(rng.standard_normal((x.shape[1],) * 2))[0] + 0.03 * rng.standard_normal(x.shape)
    return x, np.array(last), np.array(odds), chains, themes


@pytest.mark.slow
def test_every_row_of_the_table_is_where_it_belongs(world):
    x, last, odds, chains, themes = world
    train, test = futures_of(chains[:TRAIN], themes, HORIZON), futures_of(chains[TRAIN:], themes, HORIZON)
    judge = Judge(test, train)
    forecasts = {
        "exact": Forecast(themes, np.maximum(odds[TRAIN:], 1e-9)),
        "linear": LinearForecaster().fit(x[:TRAIN], train).predict(x[TRAIN:]),
        "markov": Markov().fit(last[:TRAIN], train).predict(last[TRAIN:]),
        "shuffled": LinearForecaster(chains=False).fit(x[:TRAIN][::-1], train).predict(x[TRAIN:]),
    }
    explained = {}
    for name, forecast in forecasts.items():
        scores = judge.score(name, forecast)
        explained[name] = [s.explained for s in scores]
        print(*scores, sep="\n")
    assert explained["exact"] == pytest.approx([1] * HORIZON, abs=0.02)
    assert min(explained["linear"]) > 0.9
    assert max(explained["markov"]) < 0.7
    assert max(explained["shuffled"]) < 0.02
    for k in (1, 4, 16):
        scores = judge.monte_carlo(k, shrink=True)
        print(*scores, sep="\n")
        assert [s.k_star for s in scores] == pytest.approx([k] * HORIZON, rel=0.12)
