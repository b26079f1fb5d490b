"""Paired shifts: against scipy, against their own error rates, and with clusters."""

import numpy as np
import pytest
from scipy import stats

from forepath.stats.discoveries import fdr_adjusted
from forepath.stats.paired import paired_shifts

RNG = np.random.default_rng(0)


def test_without_clusters_it_is_the_paired_t_test():
    d = RNG.normal(0.2, 1, size=(12, 5))
    d[3, 1] = np.nan
    found = paired_shifts(d)
    for i in range(5):
        column = d[~np.isnan(d[:, i]), i]
        expected = stats.ttest_1samp(column, 0)
        assert found.p_moved()[i] == pytest.approx(expected.pvalue)
        assert [x[i] for x in found.interval()] == pytest.approx(list(expected.confidence_interval(0.95)))
        margin = np.full(5, 0.4)
        lower = stats.ttest_1samp(column, -0.4, alternative="greater").pvalue
        upper = stats.ttest_1samp(column, 0.4, alternative="less").pvalue
        assert found.p_same(margin)[i] == pytest.approx(max(lower, upper))
    assert found.n.tolist() == [12, 11, 12, 12, 12]


def test_nothing_can_be_said_of_one_prompt_or_none():
    found = paired_shifts(np.array([[0.5, np.nan], [np.nan, np.nan]]))
    assert np.isnan(found.p_moved()).all() and np.isnan(found.p_same(np.ones(2))).all()
    assert np.isnan(found.shift[1]) and found.shift[0] == 0.5 and found.n.tolist() == [1, 0]


def test_no_difference_at_all_is_certain_only_where_no_sample_could_differ():
    d = np.zeros((20, 2))
    found = paired_shifts(d, unit=np.array([0.0, 0.25]))
    assert found.p_moved().tolist() == [1, 1]
    assert found.p_same(np.full(2, 0.05))[0] == 0
    assert 0.001 < found.p_same(np.full(2, 0.05))[1] < 0.05
    few = paired_shifts(np.zeros((4, 1)), unit=np.array([0.25]))
    assert few.p_same(np.array([0.05]))[0] > 0.1, "four prompts do not show that a rare theme stayed"


@pytest.mark.parametrize("clustered", [True, False])
def test_prompts_of_one_source_share_their_luck(clustered):
    """Ten sources of five prompts each; forgetting them rejects far too often: the oracle can fail."""
    cluster = np.repeat(np.arange(10), 5)
    shared = RNG.normal(size=(10, 2000))[cluster]
    d = shared + 0.5 * RNG.normal(size=(50, 2000))
    rejected = (paired_shifts(d, cluster if clustered else None).p_moved() < 0.05).mean()
    assert (0.035 < rejected < 0.065) if clustered else rejected > 0.2


def test_error_rates_of_both_tests_with_skewed_rare_differences():
    """A theme in 2 % of the texts, 8 samples of 40 prompts: chance moves it, or keeps it, no more often than stated."""
    size = (40, 4000)
    quiet = (RNG.binomial(8, 0.02, size) - RNG.binomial(8, 0.02, size)) / 8
    unit = np.full(4000, 1 / 8)
    assert (paired_shifts(quiet, unit=unit).p_moved() < 0.05).mean() < 0.05
    assert (paired_shifts(quiet, unit=unit).p_moved() < 0.001).mean() < 0.001
    for share in (0.5, 0.1):
        shifted = (RNG.binomial(8, share + 0.05, size) - RNG.binomial(8, share, size)) / 8
        said_same = (paired_shifts(shifted, unit=unit).p_same(np.full(4000, 0.05)) < 0.05).mean()
        assert said_same < 0.055, "truly at the margin: 'same' is wrong, and said in 5 % at most"
    far = (RNG.binomial(8, 0.1, (400, 4000)) - RNG.binomial(8, 0.1, (400, 4000))) / 8
    assert (paired_shifts(far, unit=unit).p_same(np.full(4000, 0.05)) < 0.05).mean() > 0.95, "power"


def test_the_adjustment_for_any_dependence_is_stricter():
    p = np.array([0.001, 0.01, np.nan, 0.2])
    assert fdr_adjusted(p, dependent=True)[0] == pytest.approx(fdr_adjusted(p)[0] * (1 + 1 / 2 + 1 / 3))
    assert np.isnan(fdr_adjusted(p, dependent=True)[2])
