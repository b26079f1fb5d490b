"""Forecast and samples together: the error, the stop and the samples saved against worlds whose odds are known."""

import numpy as np
import pytest

from forepath.errors import InputError
from forepath.forecasters.fusion import Fusion
from forepath.records import Forecast, Futures
from forepath.stats.fusion import error_after, expected_variance, samples_for, samples_needed, saved
from forepath.stats.shrinkage import dirichlet_strength, shrunk

THEMES = ("a", "b", "c", "d", "e", "end")
BASE = np.array([0.3, 0.25, 0.2, 0.1, 0.1, 0.05])


def world(seed, prompts, strength, samples=32):
    """(forecast, true odds, counts): the odds are Dirichlet around the forecast, which differs by prompt."""
    rng = np.random.default_rng(seed)
    forecast = rng.dirichlet(3 * BASE, size=prompts) * 0.99 + 0.01 / 6
    truth = rng.standard_gamma(strength * forecast) + 1e-12
    truth /= truth.sum(axis=1, keepdims=True)
    return forecast, truth, rng.multinomial(samples, truth)


def futures_of_counts(counts):
    return Futures(THEMES, np.stack([np.repeat(np.arange(6), row) for row in counts])[..., None].astype(np.int16))


@pytest.mark.parametrize("strength", [5.0, 30.0])
def test_how_much_a_forecast_counts_for_is_learned(strength):
    forecast, _, counts = world(0, 1500, strength)
    fusion = Fusion.fit(Forecast(THEMES, forecast[:, None]), futures_of_counts(counts))
    assert fusion.strengths[0] == pytest.approx(strength, rel=0.12)


def test_error_after_k_samples_is_what_drawing_gives():
    forecast, truth, _ = world(1, 3000, 8.0)
    rng = np.random.default_rng(5)
    spreads, distances = 1 - (truth**2).sum(1).mean(), ((forecast - truth) ** 2).sum(1).mean()
    for k, strength in ((1, 8.0), (6, 8.0), (6, 2.0), (20, 40.0)):
        fused = shrunk(rng.multinomial(k, truth), forecast, strength)
        assert error_after(k, spreads, distances, strength) == pytest.approx(
            ((fused - truth) ** 2).sum(1).mean(), rel=0.05
        )


def test_what_the_model_expects_of_itself_is_true_when_its_strength_is():
    forecast, truth, _ = world(2, 4000, 12.0)
    rng = np.random.default_rng(0)
    for k in (0, 3, 12):
        fused = shrunk(rng.multinomial(k, truth), forecast, 12.0)
        assert expected_variance(forecast, 12.0, k).mean() == pytest.approx(
            ((fused - truth) ** 2).sum(1).mean(), rel=0.06
        )
    boast = expected_variance(
        forecast, 100.0, 3
    ).mean()  # the oracle fails for a forecast that thinks too well of itself
    assert boast < 0.5 * ((shrunk(rng.multinomial(3, truth), forecast, 100.0) - truth) ** 2).sum(1).mean()


def test_stopping_where_it_says_leaves_the_error_asked_for():
    forecast, truth, _ = world(3, 4000, 10.0)
    asked = 0.02
    needed = samples_needed(forecast, 10.0, asked)
    fused = shrunk(np.random.default_rng(0).multinomial(needed, truth), forecast, 10.0)
    missed = ((fused - truth) ** 2).sum(1)
    assert needed.min() < needed.max() and needed.mean() > 1
    assert missed[needed > 0].mean() == pytest.approx(asked, rel=0.1)
    assert missed[needed == 0].mean() < asked * 1.1
    enough = np.full(len(truth), int(np.ceil((1 - (truth**2).sum(1)).mean() / asked)))
    assert needed.mean() < 0.85 * enough.mean()  # that many samples alone would have been needed


@pytest.mark.parametrize(("strength", "raw"), [(10.0, 16), (60.0, 32)])
def test_samples_saved_is_the_truth_within_its_interval(strength, raw):
    forecast, truth, counts = world(4, 1500, strength)
    strength_learned = dirichlet_strength(counts[:500], forecast[:500])
    base_strength = dirichlet_strength(counts[:500], BASE)
    found = saved(raw, forecast[500:], BASE, counts[500:], strength=strength_learned, base_strength=base_strength)
    p, q, rng = truth[500:], forecast[500:], np.random.default_rng(1)
    asked = (1 - (p**2).sum(1)).mean() / raw

    def missed(k, prior, s):
        draws = [shrunk(rng.multinomial(k, p), prior, s) for _ in range(20)]
        return np.mean([((d - p) ** 2).sum(1).mean() for d in draws])

    def least(prior, s):
        errors = [missed(k, prior, s) for k in range(raw + 1)]
        k = next(k for k, e in enumerate(errors) if e <= asked)
        return k if k == 0 else k - (asked - errors[k]) / (errors[k - 1] - errors[k])

    true, rival = least(q, strength_learned), least(BASE, base_strength)
    print(found, true, rival)
    assert found.fused == pytest.approx(true, abs=1.0) and found.shrunk == pytest.approx(rival, abs=1.0)
    assert found.share.low - 0.03 < 1 - true / raw < found.share.high + 0.03
    assert found.error == pytest.approx(asked, rel=0.05)
    assert found.share.value > 0.2


def test_a_forecast_that_is_the_base_rate_saves_nothing_over_it_and_a_wrong_one_loses():
    _, _, counts = world(5, 1000, 3.0)
    base = np.tile(BASE, (1000, 1))
    strength = dirichlet_strength(counts, BASE)
    same = saved(16, base, BASE, counts, strength=strength, base_strength=strength)
    assert same.share_of_shrunk == pytest.approx(0, abs=1e-9)
    wrong = saved(16, base[:, ::-1], BASE, counts, strength=30.0, base_strength=strength)
    assert wrong.share.value < 0
    assert np.isnan(saved(16, base[:0], BASE, counts[:0], strength=1, base_strength=1).share.value)


def test_samples_for_and_error_after_are_inverse():
    for error in (0.01, 0.05, 0.09):
        for strength in (0.0, 2.0, 20.0):
            k = samples_for(error, 0.7, 0.1, strength)
            assert error_after(k, 0.7, 0.1, strength) <= error * (1 + 1e-9)
            if k > 0:
                assert error_after(k * 0.99, 0.7, 0.1, strength) > error
    assert samples_for(0.0, 0.7, 0.1, 1.0) == np.inf


def test_updating_moves_steps_and_chains_and_the_unobserved_stays():
    themes = ("a", "b", "end")
    forecast = Forecast(themes, np.array([[[0.5, 0.4, 0.1], [0.2, 0.2, 0.6]]]), (("a", "b"), ("b", "end")),
                        np.array([[0.3, 0.3]]))  # fmt: skip
    fusion = Fusion(themes, (4.0, 4.0), 4.0)
    none = Futures(themes, np.full((1, 2, 2), -1, dtype=np.int16))
    same = fusion.update(forecast, none)
    assert np.allclose(same.steps, forecast.steps) and np.allclose(same.probs, forecast.probs)
    drawn = Futures(themes, np.array([[[0, 1], [0, 1], [0, 0], [0, -1]]], dtype=np.int16))
    after = fusion.update(forecast, drawn)
    assert after.steps[0, 0] == pytest.approx([0.75, 0.2, 0.05])
    assert after.probs[0] == pytest.approx([(2 + 1.2) / 7, 1.2 / 7])
    assert np.allclose(after.steps.sum(-1), 1) and after.steps[0, 1, 2] >= after.steps[0, 0, 2]
    assert fusion.expected_error(forecast, drawn)[0, 0] < fusion.expected_error(forecast)[0, 0]
    more = fusion.needed(forecast, 0.03, futures=drawn)[0]
    assert 0 < more < fusion.needed(forecast, 0.03)[0]


def test_what_does_not_fit_is_refused():
    forecast = Forecast(("a", "end"), np.full((3, 2, 2), 0.5))
    with pytest.raises(InputError, match="samples of the prompts"):
        Fusion.fit(forecast, Futures(("a", "end"), np.zeros((2, 4, 2), dtype=np.int16)))
    with pytest.raises(InputError, match="same codebook"):
        Fusion.fit(forecast, Futures(("b", "end"), np.zeros((3, 4, 2), dtype=np.int16)))
    with pytest.raises(InputError, match="steps 1 to 2"):
        Fusion(("a", "end"), (1.0, 1.0), 1.0).needed(forecast, 0.1, step=3)
    with pytest.raises(InputError, match="above 0"):
        Fusion(("a", "end"), (1.0, 1.0), 1.0).needed(forecast, 0.0)
