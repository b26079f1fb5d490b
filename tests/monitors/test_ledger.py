"""Live forecasts are scored against what was written, beside a base rate that does not see the answer first."""

import numpy as np
import pytest
from test_monitor import monitor, readings

from forepath.monitors.ledger import Ledger

THREE = ("a", "b", "end")


def test_losses_are_means_of_what_was_given_to_what_came():
    ledger = Ledger(THREE)
    for theme in (0, 1, 0):
        ledger.settle(np.array([0.7, 0.2, 0.1]), theme)
    told = ledger.summary()
    assert told["forecasts"] == 3
    assert told["cross_entropy"] == pytest.approx(-(2 * np.log(0.7) + np.log(0.2)) / 3)
    base = [0.5 / 1.5, 0.5 / 2.5, 1.5 / 3.5]  # what had been heard before each, half a count for every theme
    assert told["base_cross_entropy"] == pytest.approx(-np.log(base).mean())


def test_a_forecast_that_knows_more_has_skill_and_one_that_boasts_has_none():
    honest, boasting = Ledger(THREE), Ledger(THREE)
    rng = np.random.default_rng(1)
    for _ in range(1500):
        odds = np.roll([0.8, 0.15, 0.05], rng.integers(3))
        theme = int(rng.choice(3, p=odds))
        honest.settle(odds, theme)
        boasting.settle(np.where(odds == 0.8, 0.998, 0.001), theme)
    assert honest.summary()["skill"] > 0.3 > 0 > boasting.summary()["skill"]
    (row,) = honest.summary()["reliability"]
    assert row["forecast"] == pytest.approx(0.8) and abs(row["came"] - 0.8) < 0.05
    (row,) = boasting.summary()["reliability"]
    assert row["forecast"] - row["came"] > 0.1  # the oracle can fail


def test_nothing_settled_is_no_number():
    assert Ledger(THREE).summary() == {"forecasts": 0, "cross_entropy": None, "base_cross_entropy": None, "skill": None,
                                       "reliability": []}  # fmt: skip


def test_a_monitor_settles_its_forecasts():
    watching = monitor()
    readings(watching)
    told = watching.ledger.summary()
    assert told["forecasts"] > 1 and 0 < told["cross_entropy"] < 3
    lines = watching.ledger.metrics().splitlines()
    assert f"forepath_forecasts_total {told['forecasts']}" in lines and len(lines) == 9
