"""Theme vectors held against activations: the contract, what is recovered, what says nothing."""

import numpy as np
import pytest

from forepath.checks import check_forecaster
from forepath.errors import ActivationError
from forepath.forecasters import BaseRate, Lens
from forepath.forecasters.odds import softmax
from forepath.records import Forecast, Futures
from forepath.stats.judge import Judge

THEMES = ("a", "b", "c", "d", "end")
RNG = np.random.default_rng(0)
VECTORS = RNG.standard_normal((2, 5, 6))


def world(prompts=600, samples=16):
    """(x, futures, true odds): each step is the softmax of its own vectors, at half their length, around some odds."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((prompts, 6)) + 3.0
    offsets = np.log([[0.5, 0.2, 0.15, 0.1, 0.05], [0.1, 0.1, 0.1, 0.2, 0.5]])
    odds = np.stack([softmax(0.5 * (x - 3.0) @ v.T + o) for v, o in zip(VECTORS, offsets, strict=True)], axis=1)
    drawn = (odds.cumsum(-1)[:, None, :, :-1] < rng.random((prompts, samples, 2, 1))).sum(-1)
    drawn[..., 1] = np.where(drawn[..., 0] == 4, 4, drawn[..., 1])
    return x, Futures(THEMES, drawn.astype(np.int16)), odds


def test_it_keeps_the_contract():
    points = RNG.standard_normal((40, 6))
    vectors = RNG.standard_normal((3, 5, 6))
    check_forecaster(lambda: Lens(vectors), points)
    check_forecaster(lambda: Lens(vectors, chains=False), points)


def test_right_vectors_are_scaled_right_and_wrong_ones_are_laid_aside():
    x, futures, odds = world()
    train, test = Futures(THEMES, futures.steps[:400]), Futures(THEMES, futures.steps[400:])
    judge = Judge(test, train)

    def explained(vectors):
        return judge.score("", Lens(vectors, chains=False).fit(x[:400], train).predict(x[400:]))[0].explained

    exact = judge.score("", Forecast(THEMES, odds[400:]))[0].explained
    base = judge.score("", BaseRate().fit(x[:400], train).predict(x[400:]))[0].explained
    fitted = Lens(VECTORS).fit(x[:400], train)
    print(exact, explained(VECTORS), explained(-VECTORS), base, fitted.scales)
    assert fitted.scales[0] == pytest.approx(0.5, abs=0.03)
    assert explained(7.0 * VECTORS) == pytest.approx(explained(VECTORS), abs=1e-3) == pytest.approx(exact, abs=0.02)
    assert explained(-VECTORS) == pytest.approx(base, abs=0.01)  # turned round they say less than nothing: scale 0
    assert explained(VECTORS[:, ::-1]) < 0.5 * exact  # of other themes: the oracle can fail


def test_vectors_of_other_themes_or_sites_are_refused():
    x, futures, _ = world(prompts=20)
    for wrong in (VECTORS[:, :4], VECTORS[:1], VECTORS[..., :5]):
        with pytest.raises(ActivationError, match="theme vectors"):
            Lens(wrong).fit(x, futures)
    with pytest.raises(ActivationError, match="finite"):
        Lens(VECTORS * np.nan)
