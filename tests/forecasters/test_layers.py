"""All layers at once, and what having looked at many of them is worth."""

import numpy as np
import pytest

from forepath.checks import check_forecaster
from forepath.errors import ActivationError, InputError
from forepath.forecasters import BaseRate, ClosedForm, LayersForecaster, LinearForecaster
from forepath.forecasters.odds import softmax
from forepath.forecasters.sweep import sweep
from forepath.records import Forecast, Futures
from forepath.stats.judge import Judge
from forepath.stats.losses import mean_loss, prompt_losses

THEMES = ("a", "b", "c", "end")


def world(seed=0, prompts=400):
    """Four layers; what is coming is split over layers 1 and 2, the others are noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((prompts, 4, 5))
    odds = softmax(1.5 * (x[:, 1] @ rng.standard_normal((5, 4)) + x[:, 2] @ rng.standard_normal((5, 4))))
    drawn = (odds.cumsum(-1)[:, None, :-1] < rng.random((prompts, 16, 1))).sum(-1)
    return x, Futures(THEMES, drawn[..., None].astype(np.int16)), odds


def test_reading_all_layers_beats_the_best_alone_when_they_share_the_answer():
    x, futures, _ = world()
    train, test = Futures(THEMES, futures.steps[:250]), Futures(THEMES, futures.steps[250:])
    judge = Judge(test, train)
    ours = LayersForecaster().fit(x[:250], train)
    alone = [LinearForecaster().fit(x[:250, i], train).predict(x[250:, i]) for i in range(4)]
    best = max(judge.score("", f)[0].explained for f in alone)
    every = judge.score("", ours.predict(x[250:]))[0].explained
    print(every, best, ours.shares, ours.losses)
    assert every > best + 0.2 and every > 0.9
    assert ours.shares[[1, 2]].min() > ours.shares[[0, 3]].max()


def test_one_layer_that_knows_is_read_alone_and_nothing_is_lost():
    rng = np.random.default_rng(1)
    x, futures, _ = world(1)
    x[:, 2] = x[:, 1] + 0.01 * rng.standard_normal(x[:, 1].shape)  # a copy: layer 2 adds nothing
    one = LayersForecaster().fit(x, futures)
    assert one.losses["sharpness 0"] >= min(one.losses.values())
    assert np.isclose(one.shares.sum(), 1)


def test_keeps_the_contract(tmp_path):
    from test_forecaster_contract import reloaded

    three = np.random.default_rng(0).standard_normal((40, 3, 2))
    check_forecaster(LayersForecaster, three, reload=reloaded(tmp_path))
    check_forecaster(lambda: LayersForecaster(chains=False), reload=reloaded(tmp_path))
    with pytest.raises(ActivationError, match=r"wanted \(rows, reads, width\)"):
        LayersForecaster().fit(three[..., None], Futures(THEMES, np.zeros((40, 2, 1), dtype=np.int16)))


def test_looking_at_forty_layers_of_noise_is_seen_through():
    """Few prompts, many choices that know nothing: the least loss looks like knowledge, the honest one does not."""
    rng = np.random.default_rng(0)
    prompts = 60
    odds = rng.dirichlet(np.ones(4), size=prompts)  # prompts differ, but nothing that is read says how
    drawn = (odds.cumsum(-1)[:, None, :-1] < rng.random((prompts, 16, 1))).sum(-1)
    futures = Futures(THEMES, drawn[..., None].astype(np.int16))
    layers = {f"layer {i}": rng.standard_normal((prompts, 3)) for i in range(40)}
    found = sweep(lambda: ClosedForm("ridge", chains=False), layers, futures)
    ignorant = sweep(BaseRate, {"nothing": layers["layer 0"]}, futures)
    print(found, ignorant)
    assert found.optimistic < ignorant.optimistic - 0.005  # the oracle: looking pays, as it should not
    assert found.honest.value > found.optimistic + 0.02 and found.honest.value > ignorant.honest.value - 0.005
    assert found.losses[found.best] == found.optimistic == min(found.losses.values()) and len(found.losses) == 40


def test_a_layer_that_knows_is_found_and_the_honest_loss_says_so():
    x, futures, _ = world()
    both = np.concatenate([x[:, 1], x[:, 2]], axis=1)
    found = sweep(lambda: ClosedForm("ridge", chains=False), {"noise": x[:, 0], "half": x[:, 1], "both": both}, futures)
    assert found.best == "both" and set(found.chosen) == {"both"}
    assert abs(found.honest.value - found.optimistic) < 0.1
    assert found.honest.low < found.honest.value < found.honest.high < found.losses["half"]


def test_a_sweep_without_choices_or_prompts_is_refused():
    _, futures, _ = world()
    with pytest.raises(InputError, match="no features"):
        sweep(BaseRate, {}, futures)
    with pytest.raises(InputError, match="1 prompts cannot"):
        sweep(BaseRate, {"a": np.zeros((1, 2))}, Futures(THEMES, futures.steps[:1]))


def test_losses_are_the_judges_and_unobserved_steps_are_not_judged():
    _, futures, odds = world()
    forecast = Forecast(THEMES, odds[:, None])
    score = Judge(futures, futures).score("", forecast)[0]
    assert mean_loss(forecast, futures) == pytest.approx(score.cross_entropy)
    steps = futures.steps.copy()
    steps[3] = -1
    lost = prompt_losses(forecast, Futures(THEMES, steps))
    assert np.isnan(lost[3]).all() and not np.isnan(np.delete(lost, 3, axis=0)).any()
    assert np.isnan(mean_loss(forecast, Futures(THEMES, np.full_like(steps, -1))))
    with pytest.raises(InputError, match="same prompts"):
        prompt_losses(forecast, Futures(THEMES, steps[:5]))


def test_features_that_keep_their_sizes_are_not_drowned_by_many_small_ones():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal((200, 2)), 0.02 * rng.standard_normal((200, 150))], axis=1)
    drawn = (rng.random((200, 8, 1)) < 1 / (1 + np.exp(-3 * x[:, None, :1]))).astype(np.int16)
    train, test = (Futures(("a", "end"), drawn[rows]) for rows in (slice(0, 100), slice(100, 200)))
    kept, wide = (
        mean_loss(LayersForecaster(standardise=s).fit(x[:100], train).predict(x[100:]), test) for s in (False, True)
    )
    assert kept < wide - 0.02
