"""Calibration on odds that are known: perfect forecasts read near 0, planted errors near their size."""

import numpy as np
import pytest

from forepath.stats.calibration import classwise_ece, fit_temperature, reliability, tempered


def world(prompts=600, themes=12, samples=32, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(themes, 0.4), size=prompts)
    return p, rng.multinomial(samples, p) / samples


def plain_ece(q, shares):
    """Without taking the chance differences off."""
    curves = [reliability(q[:, c], shares[:, c]) for c in range(q.shape[1])]
    return np.mean([np.average(np.abs(r.forecast - r.observed), weights=r.prompts) for r in curves])


def test_a_perfect_forecast_reads_less_than_half_of_the_plain_error():
    found, plain = zip(*[(classwise_ece(p, s), plain_ece(p, s)) for p, s in (world(seed=i) for i in range(10))],
                       strict=True)  # fmt: skip
    assert np.mean(found) < 0.5 * np.mean(plain)
    assert np.mean(found) < 0.003


@pytest.mark.parametrize("temperature", [0.4, 2.5])
def test_planted_miscalibration_is_measured_and_its_temperature_found(temperature):
    p, shares = world(prompts=3000)
    odds = tempered(np.maximum(p, 1e-9), temperature)
    truth = classwise_ece(odds, p)  # against the odds themselves
    assert classwise_ece(odds, shares) == pytest.approx(truth, rel=0.1)
    assert truth > 0.015
    back = fit_temperature(odds, shares)
    assert back == pytest.approx(1 / temperature, rel=0.05)
    assert classwise_ece(tempered(odds, back), shares) < 0.004


def test_a_constant_forecast_at_the_base_rate_is_calibrated():
    _, shares = world()
    assert classwise_ece(np.tile(shares.mean(0), (len(shares), 1)), shares) < 0.005


@pytest.mark.parametrize("prompts", [2, 9, 47, 103, 600])
def test_all_themes_at_once_are_each_theme_by_itself(prompts):
    p, shares = world(prompts, seed=prompts)

    def by_theme(power):
        each = []
        for c in range(p.shape[1]):
            r = reliability(p[:, c], shares[:, c])
            squared = (r.forecast - r.observed) ** 2 - r.error**power
            each.append(np.average(np.sqrt(np.maximum(squared, 0.0)), weights=r.prompts))
        return np.mean(each)

    assert classwise_ece(p, shares) == pytest.approx(by_theme(2), abs=1e-12)
    assert classwise_ece(p, shares) != pytest.approx(by_theme(3), abs=1e-4)  # the oracle can fail


def test_few_prompts():
    assert np.isnan(classwise_ece(np.ones((1, 2)) / 2, np.eye(2)[:1]))
    assert len(reliability(np.linspace(0, 1, 15), np.linspace(0, 1, 15)).forecast) == 1


def test_bins_of_equal_mass_show_the_prompts_that_may_have_the_theme():
    rng = np.random.default_rng(0)
    odds = np.where(rng.random(2000) < 0.05, rng.random(2000), 0.001)
    shares = rng.binomial(16, odds) / 16
    by_mass, by_number = reliability(odds, shares, by_mass=True), reliability(odds, shares)
    assert by_mass.prompts.sum() == 2000 and (np.diff(by_mass.forecast) > 0).all()
    assert (by_mass.forecast > 0.1).sum() >= 5 > (by_number.forecast > 0.1).sum()
    assert np.abs(by_mass.forecast - by_mass.observed).max() < 0.08
    sums = by_mass.forecast * by_mass.prompts
    assert sums.max() < 2 * np.median(sums)
