"""The guard: how often it cries wolf, and how soon it sees a changed model."""

import numpy as np
import pytest
from scipy.stats import binom

from forepath.errors import ActivationError
from forepath.monitors.guard import Familiar, Guard

WIDTH = 12


def activations(rng: np.random.Generator, n: int) -> np.ndarray:
    """Skewed and correlated, unlike anything normal."""
    return rng.exponential(size=(n, WIDTH)) @ np.triu(np.ones((WIDTH, WIDTH)))


def test_false_alarms_over_whole_lives_are_within_the_stated_rate():
    rng, lives, rate = np.random.default_rng(0), 120, 0.1
    hits = 0
    for life in range(lives):
        guard = Guard(Familiar.of(activations(rng, 80), seed=life), rate=rate, seed=life)
        for row in activations(rng, 40):
            guard.observe(row)
        hits += guard.stale
    assert binom.sf(hits - 1, lives, rate) > 0.025, f"{hits} of {lives}"


@pytest.mark.parametrize(
    ("change", "soon"),
    [(lambda x: x + 6.0, 40), (lambda x: 1.6 * x, 60), (lambda x: x[::-1].copy(), 60)],
    ids=["shifted", "scaled", "turned"],
)
def test_a_change_is_found(change, soon):
    rng = np.random.default_rng(1)
    needed = []
    for seed in range(5):
        guard = Guard(Familiar.of(activations(rng, 400), seed=seed), rate=0.01, seed=seed)
        for row in activations(rng, 50):
            guard.observe(row)
        assert not guard.stale
        for row in activations(rng, 300):
            guard.observe(change(row))
            if guard.stale:
                break
        needed.append(guard.seen - 50 if guard.stale else 10**6)
    assert np.median(needed) <= soon, needed


def test_a_mean_shift_too_small_to_see_in_one_prompt_is_found_in_many():
    rng = np.random.default_rng(2)
    familiar = Familiar.of(rng.standard_normal((600, WIDTH)))
    direction = familiar.directions[:, 0] / np.linalg.norm(familiar.directions[:, 0])
    guard = Guard(familiar, rate=0.01)
    lowest = min(guard.observe(rng.standard_normal(WIDTH) + 1.0 * direction) for _ in range(300))
    assert guard.stale and lowest > 1e-4


def test_once_stale_it_stays_so():
    guard = Guard(Familiar.of(np.random.default_rng(3).standard_normal((200, 3))), rate=0.05)
    for _ in range(30):
        guard.observe(np.full(3, 50.0))
    assert guard.stale
    for row in np.random.default_rng(4).standard_normal((50, 3)):
        guard.observe(row)
    assert guard.stale


def test_what_it_cannot_know_is_refused():
    with pytest.raises(ActivationError, match="at least 20"):
        Familiar.of(np.zeros((5, 3)))
    with pytest.raises(ActivationError, match="knows 3"):
        Guard(Familiar.of(np.random.default_rng(0).standard_normal((40, 3)))).observe(np.zeros(4))


def test_places_are_mahalanobis_distances_with_what_lies_outside_as_one_direction_more():
    rng = np.random.default_rng(8)
    flat = rng.standard_normal((60, 3)) @ rng.standard_normal((3, WIDTH)) + 0.01 * rng.standard_normal((60, WIDTH))
    familiar, rows = Familiar.of(flat), activations(rng, 5)
    axes = familiar.directions / np.linalg.norm(familiar.directions, axis=0)
    centred = rows - familiar.mean
    outside = ((centred - centred @ axes @ axes.T) ** 2).sum(axis=1)
    inside = centred @ familiar.directions
    distance, coordinates = familiar.places(rows)
    np.testing.assert_allclose(distance, (inside**2).sum(axis=1) + outside / familiar.rest, rtol=1e-9)
    np.testing.assert_allclose(coordinates, inside[:, : coordinates.shape[1]])
    alone = familiar.places(rows[3])
    np.testing.assert_allclose(alone[0], distance[3])
    np.testing.assert_allclose(alone[1], coordinates[3])
    assert familiar.directions.shape[1] < WIDTH and (outside > 1e-6).all()
