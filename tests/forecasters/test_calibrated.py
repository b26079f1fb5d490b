"""Odds made honest: each map undoes the distortion it is made for, on prompts it has not seen."""

import numpy as np
import pytest

from forepath.checks import check_forecaster
from forepath.errors import InputError, UnfittedError
from forepath.forecasters import Calibrated, ClosedForm, LinearForecaster
from forepath.records import Forecast, Futures
from forepath.stats.calibration import classwise_ece
from forepath.stats.losses import mean_loss
from forepath.stats.scaling import fit_isotonic, fit_vector_scaling

THEMES = ("a", "b", "c", "end")


class Told:
    """A forecaster that is given its odds, bent by `bend`."""

    def __init__(self, bend):
        self.bend, self.themes = bend, THEMES

    def fit(self, activations, futures):
        return self

    def predict(self, activations):
        bent = self.bend(activations)
        chains = (("a",), ("b",))
        steps = (bent / bent.sum(1, keepdims=True))[:, None]
        return Forecast(THEMES, steps, chains, steps[:, 0, :2])


def world(seed, prompts=600):
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.full(4, 0.7), size=prompts) * 0.97 + 0.0075
    drawn = (truth.cumsum(1)[:, None, :-1] < rng.random((prompts, 16, 1))).sum(-1)
    return truth, Futures(THEMES, drawn[..., None].astype(np.int16))


BENDS = {
    "temperature": lambda p: p**3,
    "vector": lambda p: p ** [2.0, 1.0, 0.5, 1.0] * [1.0, 3.0, 1.0, 0.5],
    "isotonic": lambda p: 0.02 + np.tanh(4 * p),
}


@pytest.mark.parametrize("method", BENDS)
def test_each_map_undoes_the_bend_it_is_made_for(method):
    x, futures = world(0)
    unseen, samples = world(1)
    bent = Told(BENDS[method])
    honest = Calibrated(bent, method).fit(x, futures)
    shares = samples.frequencies()[0][:, 0]
    before, after = (classwise_ece(f.predict(unseen).steps[:, 0], shares) for f in (bent, honest))
    lost = mean_loss(honest.predict(unseen), samples) - mean_loss(Forecast(THEMES, unseen[:, None]), samples)
    print(method, before, after, lost)
    assert before > 0.03 and after < 0.5 * before and lost < 0.03
    forecast = honest.predict(unseen)
    assert np.allclose(forecast.probs, forecast.steps[:, 0, :2])  # chains follow their first theme


@pytest.mark.parametrize("method", BENDS)
def test_what_is_honest_already_is_left_nearly_alone(method):
    x, futures = world(2)
    unseen, _ = world(3)
    moved = np.abs(Calibrated(Told(lambda p: p), method).fit(x, futures).predict(unseen).steps[:, 0] - unseen)
    assert moved.mean() < 0.03


@pytest.mark.parametrize("method", BENDS)
def test_keeps_the_contract(method, tmp_path):
    from test_forecaster_contract import reloaded

    check_forecaster(lambda: Calibrated(LinearForecaster(), method), reload=reloaded(tmp_path / "a"))
    check_forecaster(lambda: Calibrated(ClosedForm("lda", chains=False), method), reload=reloaded(tmp_path / "b"))


def test_prompts_of_ones_own_and_what_does_not_fit():
    x, futures = world(0)
    honest = Calibrated(Told(BENDS["temperature"])).calibrate(x, futures)
    assert honest.maps[0] == pytest.approx(3, rel=0.1)
    with pytest.raises(InputError, match="same prompts"):
        honest.calibrate(x[:5], futures)
    with pytest.raises(UnfittedError, match="calibrate"):
        Calibrated(LinearForecaster()).predict(x)
    with pytest.raises(UnfittedError, match="nothing to save"):
        Calibrated(LinearForecaster()).save("nowhere", None)
    with pytest.raises(ValueError, match="'isotonic'"):
        Calibrated(LinearForecaster(), "platt")


def test_maps_of_themes_never_seen_do_no_harm():
    odds = np.random.default_rng(0).dirichlet(np.ones(4), size=50)
    counts = np.tile([5, 5, 0, 0], (50, 1))
    for fit in (fit_isotonic, fit_vector_scaling):
        mapped = fit(odds, counts).apply(odds)
        assert np.isfinite(mapped).all() and np.allclose(mapped.sum(1), 1)
