"""Sets that promise coverage, against worlds in which the promise can be checked; and what breaks it."""

import numpy as np
import pytest

from forepath.errors import InputError
from forepath.forecasters.prediction_sets import PredictionSets
from forepath.records import Forecast, Futures
from forepath.stats.conformal import exact_size, judge_sets, scores, threshold

THEMES = ("a", "b", "c", "d", "e", "end")


def world(seed, prompts, samples=16, flat=1.0):
    """(forecast, futures, truth): true odds are Dirichlet, the forecast is them made flatter or sharper."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.full(6, 0.5), size=prompts) * 0.97 + 0.005
    told = truth**flat
    told /= told.sum(axis=1, keepdims=True)
    drawn = (truth.cumsum(1)[:, None, :-1] < rng.random((prompts, samples, 1))).sum(-1)
    return Forecast(THEMES, told[:, None]), Futures(THEMES, drawn[..., None].astype(np.int16)), truth


@pytest.mark.parametrize("method", ["lac", "aps"])
@pytest.mark.parametrize("flat", [1.0, 0.4, 3.0])
def test_coverage_is_what_was_asked_for_however_bad_the_forecast(method, flat):
    forecast, futures, _ = world(0, 800, flat=flat)
    known = PredictionSets.calibrate(forecast, futures, coverage=0.9, method=method)
    unseen, samples, truth = world(1, 3000, flat=flat)
    found = known.judge(unseen, samples, groups=np.where(truth.max(1) > 0.6, "sure", "unsure"))
    print(method, flat, found.coverage, found.size, found.by_group)
    assert found.coverage.value == pytest.approx(0.9, abs=0.02)
    assert found.coverage.low < found.coverage.value < found.coverage.high
    assert set(found.by_group) == {"sure", "unsure"} and sum(n for _, n in found.by_group.values()) == 3000
    trusting = scores(unseen.steps[:, 0], "aps", np.random.default_rng(0).random(3000)) <= 0.9  # no calibration at all
    counts = np.stack([np.bincount(row, minlength=6) for row in samples.steps[:, :, 0]])
    gap = abs(judge_sets(trusting, counts).coverage.value - 0.9)
    assert gap < 0.01 if flat == 1.0 else gap > 0.03


def test_few_prompts_with_many_samples_each_do_not_promise_too_much():
    """A prompt is a case. Counting each of its samples as one, as if exchangeable, promises what it does not keep."""
    right, wrong = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        drawn = rng.normal(size=(9, 1)) + 0.3 * rng.normal(size=(9, 32))  # scores cluster by prompt
        unseen = rng.normal(size=(200, 1)) + 0.3 * rng.normal(size=(200, 4))
        right.append((unseen <= threshold(drawn, 0.9)).mean())
        wrong.append((unseen <= np.quantile(drawn, 0.9)).mean())
    assert np.mean(right) >= 0.895
    assert np.mean(wrong) < 0.88


def test_with_one_sample_a_prompt_it_is_the_textbook_quantile():
    rng = np.random.default_rng(0)
    for n in (9, 10, 37, 100):
        drawn = rng.normal(size=(n, 1))
        k = int(np.ceil((n + 1) * 0.9))
        assert threshold(drawn, 0.9) == (np.sort(drawn[:, 0])[k - 1] if k <= n else np.inf)
    with pytest.raises(InputError, match="between 0 and 1"):
        threshold(drawn, 1.0)
    with pytest.raises(InputError, match="'lac' or 'aps'"):
        scores(np.ones((1, 1)), "raps", np.zeros(1))


def test_samples_not_observed_do_not_vote():
    drawn = np.random.default_rng(0).normal(size=(50, 4))
    holed = np.concatenate([drawn, np.full((50, 3), np.nan)], axis=1)
    none = np.concatenate([holed, np.full((5, 7), np.nan)])
    assert threshold(holed, 0.8) == threshold(drawn, 0.8) == threshold(none, 0.8)


def test_exact_odds_give_sets_of_the_exact_size_and_worse_ones_larger():
    forecast, futures, truth = world(2, 3000)
    known = {m: PredictionSets.calibrate(forecast, futures, method=m) for m in ("lac", "aps")}
    sets = {m: sets.judge(forecast, futures).size for m, sets in known.items()}
    assert sets["lac"] == pytest.approx(exact_size(truth, 0.9), rel=0.03)
    assert sets["aps"] == pytest.approx(exact_size(truth, 0.9, each=True), rel=0.15)
    assert exact_size(truth, 0.9) < exact_size(truth, 0.9, each=True)
    rng = np.random.default_rng(0)
    noisy = Forecast(THEMES, rng.permuted(forecast.steps, axis=2) * 0.3 + forecast.steps * 0.7)
    worse = PredictionSets.calibrate(noisy, futures, method="lac").judge(noisy, futures)
    assert worse.size > 1.1 * exact_size(truth, 0.9)


def test_sets_of_whole_chains_hold_them_and_say_when_anything_goes():
    themes = ("a", "b", "end")
    chains = (("a", "b"), ("b", "a"), ("a", "end"), ("b", "end"))
    rng = np.random.default_rng(0)
    truth = rng.dirichlet(np.full(5, 0.7), size=3000)  # the last is a chain nobody lists
    paths = np.array([[0, 1], [1, 0], [0, 2], [1, 2], [0, 0]], dtype=np.int16)
    drawn = (truth.cumsum(1)[:, None, :-1] < rng.random((3000, 12, 1))).sum(-1)
    futures = Futures(themes, paths[drawn])
    forecast = Forecast(themes, np.full((3000, 2, 3), 1 / 3), chains, truth[:, :4])

    def half(part):
        halved = Forecast(themes, forecast.steps[part], chains, forecast.probs[part])
        return halved, Futures(themes, futures.steps[part])

    known = PredictionSets.calibrate(*half(slice(0, 1000)), step=0, coverage=0.8)
    asked, samples = half(slice(1000, 3000))
    found = known.judge(asked, samples)
    assert found.coverage.value == pytest.approx(0.8, abs=0.02)
    listed = known.chains(asked)
    assert 0.05 < np.mean([anything for _, anything in listed]) < 0.9
    sizes = [len(c) + anything for c, anything in listed]
    assert np.mean(sizes) == pytest.approx(found.size)
    with pytest.raises(InputError, match="sets of chains"):
        known.themes(asked)
    with pytest.raises(InputError, match="lists no chains"):
        PredictionSets.calibrate(Forecast(themes, forecast.steps), futures, step=0)


def test_sets_of_themes_by_name_and_what_does_not_fit():
    forecast, futures, _ = world(3, 400)
    known = PredictionSets.calibrate(forecast, futures, method="lac")
    inside = known.contains(forecast)
    names = known.themes(forecast)
    assert all(len(n) == i.sum() for n, i in zip(names, inside, strict=True))
    assert names[0][0] == THEMES[forecast.steps[0, 0].argmax()]
    with pytest.raises(InputError, match="sets of themes at step 1"):
        known.chains(forecast)
    with pytest.raises(InputError, match="steps 1 to 1"):
        PredictionSets.calibrate(forecast, futures, step=2)
    with pytest.raises(InputError, match="same prompts"):
        PredictionSets.calibrate(forecast, Futures(THEMES, futures.steps[:3]))


def test_rare_outcomes_are_counted_on_their_own():
    found = judge_sets(np.array([[True, False], [True, False]]), np.array([[9, 1], [10, 0]]))
    assert found.by_outcome == {0: (1.0, 19), 1: (0.0, 1)} and found.coverage.value == pytest.approx(0.95)
