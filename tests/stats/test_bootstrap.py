"""Intervals cover, differences are paired, false discoveries are kept down."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forepath.stats.bootstrap import mean_estimate, percentile_interval, resamples
from forepath.stats.discoveries import fdr_adjusted


def test_coverage_is_about_95_percent():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        e = mean_estimate(rng.exponential(size=100))
        hits += e.low <= 1.0 <= e.high
    assert 0.89 <= hits / 200 <= 0.98


def test_a_paired_difference_is_far_surer_than_its_parts():
    rng = np.random.default_rng(0)
    hardness = rng.exponential(size=300)
    one, other = hardness + 0.02 * rng.standard_normal(300), hardness + 0.01
    paired, alone = mean_estimate(one - other), mean_estimate(one)
    assert paired.high < 0 and (alone.high - alone.low) > 10 * (paired.high - paired.low)


def test_nothing_is_nan():
    assert np.isnan(mean_estimate(np.zeros(0)).value)


@given(arrays(float, st.integers(1, 30), elements=st.floats(0, 1)))
def test_adjusted_p_values_keep_order_and_never_shrink(p):
    q = fdr_adjusted(p)
    assert (q >= p).all() and (q <= 1).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= 0).all()


def test_false_discovery_rate_on_planted_effects():
    rng = np.random.default_rng(1)
    shares, naive = [], []
    for _ in range(200):
        p = np.concatenate([rng.random(90), rng.random(10) * 1e-4])
        for found, kept in ((shares, fdr_adjusted(p) <= 0.1), (naive, p <= 0.1)):
            found.append(kept[:90].sum() / max(kept.sum(), 1))
    assert np.mean(shares) < 0.11 < 0.3 < np.mean(naive)


def test_prompts_of_one_group_are_drawn_together():
    """30 groups of 10 prompts that share their luck: only the bootstrap over groups covers."""
    rng = np.random.default_rng(0)
    groups = [f"g{i // 10}" for i in range(300)]
    covered = {True: 0, False: 0}
    for trial in range(150):
        values = np.repeat(rng.standard_normal(30), 10) + 0.3 * rng.standard_normal(300)
        for grouped in covered:
            draws = resamples(300, trial, 400, groups=groups if grouped else None)
            low, high = percentile_interval(draws @ values)
            covered[grouped] += low <= 0 <= high
    assert covered[True] / 150 >= 0.87 and covered[False] / 150 <= 0.65


def test_draws_of_groups_are_shares_and_groups_of_one_change_nothing():
    draws = resamples(5, 0, 50, groups=["a", "a", "b", "b", "b"])
    assert np.allclose(draws.sum(axis=1), 1, atol=1e-6) and (draws[:, 0] == draws[:, 1]).all()
    assert np.array_equal(resamples(4, 0, 50, groups=list("abcd")), resamples(4, 0, 50))
