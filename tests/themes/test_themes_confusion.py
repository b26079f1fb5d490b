"""Odds over true themes carried into a codebook's labels, by hand."""

import numpy as np

from forepath.records import Forecast, Segment, Trajectory
from forepath.themes.confusion import SLIP, confusion, renamed

TRUE, LABELS = ("a", "b", "end"), ("x", "y", "other", "end")


def written(*themes):
    """A text of ten characters a segment."""
    segments = tuple(Segment(10 * i, 10 * i + 10, t) for i, t in enumerate(themes))
    return Trajectory("p/0", "s", "p", "", 0, (), " " * 10 * len(themes), True, segments=segments)


def test_counts_become_rates_and_end_stays_end():
    labelled = [written("x", "x"), written("x", "y")] * 50
    truth = [written("a", "a").segments, written("a", "b").segments] * 50
    rates = confusion(labelled, truth, TRUE, LABELS)
    assert np.allclose(rates.sum(axis=1), 1) and rates.min() >= 0
    assert rates[0, 0] > 0.98 and rates[1, 1] > 0.95
    assert rates[2].tolist() == [0, 0, 0, 1]


def test_odds_are_renamed_step_by_step():
    rates = np.array([[1.0, 0, 0, 0], [0.25, 0.75, 0, 0], [0, 0, 0, 1.0]])
    forecast = Forecast(TRUE, np.array([[[0.5, 0.4, 0.1], [0.0, 0.0, 1.0]]]))
    base = np.full((2, 4), 0.25)
    told = renamed(forecast, rates, LABELS, base)
    assert told.themes == LABELS
    assert np.allclose(told.steps.sum(axis=-1), 1) and (told.steps > 0).all()
    assert np.allclose(told.steps[0, 0], (1 - SLIP) * np.array([0.6, 0.3, 0, 0.1]) + SLIP / 4)
    assert renamed(forecast, rates, LABELS, base, slip=0.0).steps[0, 1].tolist() == [0, 0, 0, 1]
