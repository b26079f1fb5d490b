"""The judge on a world whose odds are known: every column of a score against its true value."""

import math

import numpy as np
import pytest

from forepath.errors import InputError
from forepath.records import Forecast, Futures
from forepath.stats.judge import Judge

THEMES = (*"abcdefghijk", "end")


def drawn(p, samples, rng):
    """(prompts, samples) independent draws of each prompt's p."""
    return (p.cumsum(1)[:, None, :-1] < rng.random((len(p), samples, 1))).sum(2).astype(np.int16)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(12, 0.4), size=3000)
    steps = drawn(p, 32, rng)[..., None]
    return p[1500:], Judge(Futures(THEMES, steps[1500:]), Futures(THEMES, steps[:1500]))


def cross_entropy(p, q):
    return -(p * np.log(q)).sum(1).mean()


def test_a_forecast_of_known_error(world):
    p, judge = world
    q = 0.7 * p + 0.3 * judge.base[0]
    (score,) = judge.score("q", Forecast(THEMES, q[:, None]))
    truth = cross_entropy(p, q)
    least, most = cross_entropy(p, np.maximum(p, 1e-300)), cross_entropy(p, judge.base[0])
    assert score.low < truth < score.high and score.high - score.low < 0.1
    assert score.cross_entropy == pytest.approx(truth, abs=0.02)
    assert score.brier == pytest.approx(((q**2).sum(1) - 2 * (p * q).sum(1) + 1).mean(), abs=0.01)
    assert score.explained == pytest.approx((most - truth) / (most - least), abs=0.03)
    gap = ((q - p) ** 2).sum(1).mean()
    assert score.k_raw == pytest.approx((1 - (p**2).sum(1)).mean() / gap, rel=0.1)
    assert (score.forecaster, score.step, score.n_prompts) == ("q", 1, 1500)
    (part,) = judge.explained(Forecast(THEMES, q[:, None]))
    assert part.value == pytest.approx(score.explained) and part.low < score.explained < part.high


def test_base_rate_truth_and_ceiling_are_where_they_belong(world):
    p, judge = world
    (base,) = judge.score("base_rate", Forecast(THEMES, np.tile(judge.base, (len(p), 1, 1))))
    (truth,) = judge.score("exact", Forecast(THEMES, p[:, None]))
    (ceiling,) = judge.ceiling()
    assert base.explained == 0 and base.k_star == 0 and base.k_raw == pytest.approx(4.7, abs=0.4)
    assert truth.explained == pytest.approx(1, abs=0.03)
    assert ceiling.explained == 1 and ceiling.cross_entropy == pytest.approx(truth.cross_entropy, abs=0.02)
    assert ceiling.brier == pytest.approx(truth.brier, abs=0.01) and math.isnan(ceiling.k_raw)
    assert truth.ece < 0.003 and base.ece < 0.005
    assert truth.k_raw > 200


@pytest.mark.parametrize("k", [1, 2, 4, 8, 16])
def test_monte_carlo_is_worth_its_samples(world, k):
    _, judge = world
    (raw,), (pulled,) = judge.monte_carlo(k, shrink=False), judge.monte_carlo(k, shrink=True)
    assert raw.forecaster == f"mc@{k}" and raw.cross_entropy == math.inf
    assert raw.k_raw == pytest.approx(k, rel=0.1)
    assert pulled.k_star == pytest.approx(k, rel=0.15)
    noted = {1: 2.362, 2: 2.302, 4: 2.209, 8: 2.045, 16: 1.954}[k]  # research notes, section 3.2: another draw
    assert pulled.cross_entropy == pytest.approx(noted, abs=0.07)
    assert pulled.brier < raw.brier


def test_samples_that_forecast_never_judge(world):
    """Were they the same, raw shares of 16 would look far better than the true odds."""
    _, judge = world
    counts = np.eye(12)[judge._steps[:, :16, 0]].sum(1)
    peeking = Judge(Futures(THEMES, judge._steps[:, :16]), Futures(THEMES, judge._steps))
    (leak,) = peeking.score("leak", Forecast(THEMES, (counts / 16)[:, None]))
    (honest,) = judge.monte_carlo(16, shrink=False)
    assert leak.brier < 0.95 * honest.brier and leak.k_raw == math.inf


def test_unobserved_samples_are_left_out_and_counted():
    rng = np.random.default_rng(1)
    steps = drawn(rng.dirichlet(np.ones(12), size=60), 8, rng)[..., None].repeat(2, axis=2)
    steps[:20, 1:, 1] = -1  # one sample left
    steps[20:40, 4:, 1] = -1
    judge = Judge(Futures(THEMES, steps), Futures(THEMES, steps))
    forecast = Forecast(THEMES, np.tile(judge.base, (60, 1, 1)))
    assert [s.n_prompts for s in judge.score("b", forecast)] == [60, 40]
    assert [s.n_prompts for s in judge.ceiling()] == [60, 40]
    assert [s.n_prompts for s in judge.monte_carlo(2, shrink=True)] == [60, 40]
    late = judge.monte_carlo(8, shrink=True)
    assert [s.n_prompts for s in late] == [0, 0] and math.isnan(late[0].cross_entropy)
    steps[:, :, 1] = -1
    nothing = Judge(Futures(THEMES, steps), Futures(THEMES, steps)).score("b", forecast)[1]
    assert nothing.n_prompts == 0 and math.isnan(nothing.cross_entropy)


def test_differences_are_paired_and_seeded(world):
    p, judge = world
    one, other = Forecast(THEMES, p[:, None]), Forecast(THEMES, (0.9 * p + 0.1 / 12)[:, None])
    (d,) = judge.difference(one, other)
    assert d.low < d.value < d.high < 0 and judge.difference(one, other) == [d]


def test_forecasts_of_something_else_are_refused(world):
    p, judge = world
    with pytest.raises(InputError, match="same prompts"):
        judge.score("q", Forecast(THEMES, p[:10, None]))
    with pytest.raises(InputError, match="same codebook"):
        Judge(Futures(("a", "end"), np.zeros((1, 1, 1), np.int16)), Futures(THEMES, judge._steps))


def test_losses_per_prompt_add_up_to_the_scores_of_the_table():
    rng = np.random.default_rng(3)
    themes = ("a", "b", "c", "end")
    odds = rng.dirichlet(np.ones(4), size=(60, 2))
    steps = np.array([[[rng.choice(4, p=odds[p, h]) for h in range(2)] for _ in range(8)] for p in range(60)])
    steps[:5, 1:] = -1  # five prompts of which one sample was seen: not judged
    futures = Futures(themes, steps.astype(np.int16))
    judge = Judge(futures, futures)
    forecast = Forecast(themes, odds)
    losses = judge.losses(forecast)
    assert np.isnan(losses[:5]).all() and np.isfinite(losses[5:]).all()
    for h, score in enumerate(judge.score("x", forecast)):
        assert score.cross_entropy == pytest.approx(np.nanmean(losses[:, h]))
    for k in (1, 4):
        sampled = judge.sampled_losses(k)
        for h, score in enumerate(judge.monte_carlo(k, shrink=True)):
            assert score.cross_entropy == pytest.approx(np.nanmean(sampled[:, h]))


def test_fusion_with_the_base_rate_is_shrunk_monte_carlo_and_with_the_truth_better():
    rng = np.random.default_rng(4)
    themes = ("a", "b", "c", "end")
    odds = rng.dirichlet(0.4 * np.ones(4), size=(300, 1))
    steps = np.array([[[rng.choice(4, p=odds[p, 0])] for _ in range(16)] for p in range(300)])
    futures = Futures(themes, steps.astype(np.int16))
    judge = Judge(futures, futures)
    base = Forecast(themes, np.tile(judge.base, (300, 1, 1)))
    (shrunk,), (same,) = judge.monte_carlo(4, shrink=True), judge.fused("f", 4, base, judge.strengths)
    assert same.cross_entropy == pytest.approx(shrunk.cross_entropy)
    (fused,) = judge.fused("f", 4, Forecast(themes, odds), [30.0])
    assert fused.cross_entropy < shrunk.cross_entropy
    (wrong,) = judge.fused("f", 4, Forecast(themes, odds[::-1]), [30.0])  # the oracle can fail: others' forecasts
    assert wrong.cross_entropy > shrunk.cross_entropy
