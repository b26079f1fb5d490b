"""Confidence sequences by betting: they hold at any time, and become narrow."""

import numpy as np
import pytest

from forepath.stats.betting import Bets, e_discoveries


def drawn(mean, size, rng, scale=8):
    """Differences of shares out of `scale` samples, in [-1, 1], with this mean."""
    share = 0.3
    return (rng.binomial(scale, share + mean, size) - rng.binomial(scale, share, size)) / scale


def test_the_sequence_holds_at_all_times_together_and_narrows():
    rng, measures, prompts = np.random.default_rng(0), 400, 120
    bets, missed = Bets(measures), np.zeros(measures, dtype=bool)
    peeked = np.zeros(measures, dtype=bool)
    values = drawn(0.1, (prompts, measures), rng)
    for t in range(prompts):
        bets.add(values[t])
        low, high = bets.interval()
        missed |= (low > 0.1) | (high < 0.1)
        if t > 4:
            so_far = values[: t + 1]
            half = 1.96 * so_far.std(axis=0, ddof=1) / np.sqrt(t + 1)
            peeked |= np.abs(so_far.mean(axis=0) - 0.1) > half
    assert missed.mean() < 0.05
    assert peeked.mean() > 0.15, "the oracle: an ordinary interval looked at all the time misses far more often"
    assert np.median(high - low) < 0.2


def test_e_values_are_rarely_large_without_cause_and_grow_with_one():
    rng = np.random.default_rng(1)
    null, real, margin = Bets(1000), Bets(100), Bets(800)
    largest = {"null": np.zeros(1000), "margin": np.zeros(800)}
    for _ in range(120):
        null.add(drawn(0.0, 1000, rng))
        real.add(drawn(0.15, 100, rng))
        margin.add(drawn(0.05, 800, rng))
        largest["null"] = np.maximum(largest["null"], null.against_no_shift())
        largest["margin"] = np.maximum(largest["margin"], margin.against_shift(0.05))
    assert (largest["null"] >= 20).mean() < 0.05 and (largest["margin"] >= 20).mean() < 0.05
    assert np.median(real.against_no_shift()) > 1000
    still = Bets(50)
    for _ in range(300):
        still.add(drawn(0.0, 50, rng))
    assert np.median(still.against_shift(0.1)) > 20


def test_what_was_not_measured_adds_nothing():
    bets = Bets(2)
    for _ in range(50):
        bets.add(np.array([0.5, np.nan]))
    assert bets.against_no_shift()[1] == 1 and [x[1] for x in bets.interval()] == [-1, 1]
    assert bets.against_no_shift()[0] > 20


def test_e_discoveries_hold_the_rate_under_dependence():
    rng, false = np.random.default_rng(2), []
    for _ in range(800):
        shared = rng.normal()
        e = np.exp(2 * shared - 2) * np.ones(20)  # one log-normal e-value of mean 1, twenty times
        e[:5] = 1e6
        found = e_discoveries(e, 0.1)
        false.append(found[5:].sum() / max(1, found.sum()))
    assert np.mean(false) < 0.1
    assert e_discoveries(np.array([1e6, 2.0, 3.0]), 0.05).tolist() == [True, False, False]
    assert not e_discoveries(np.zeros(0)).any()


@pytest.mark.parametrize("value", [-1.0, 1.0, 0.0])
def test_constant_numbers_are_found(value):
    bets = Bets(1)
    for _ in range(200):
        bets.add(np.array([value]))
    low, high = bets.interval()
    assert low[0] <= value <= high[0] and high[0] - low[0] < 0.1
