"""What a forecast is worth in samples, on odds that are known; the figures of the research notes, section 3.2."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forepath.stats.rates import smoothed
from forepath.stats.shrinkage import dirichlet_strength, shrunk
from forepath.stats.worth import distance, k_raw, k_star, spread

SAMPLES = 32


def world(seed=0, prompts=6000, themes=12, concentration=0.4):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(themes, concentration), size=prompts)
    return rng, p, rng.multinomial(SAMPLES, p)


def noisy(rng, p, amount):
    """A forecast that is off: true log odds with noise."""
    q = np.exp(np.log(p + 1e-3) + amount * rng.standard_normal(p.shape))
    return q / q.sum(1, keepdims=True)


@pytest.mark.parametrize("amount", [0.3, 0.8, 2.0])
def test_k_raw_is_the_true_one(amount):
    rng, p, counts = world()
    q = noisy(rng, p, amount)
    true = (1 - (p**2).sum(1)).mean() / ((q - p) ** 2).sum(1).mean()
    found = k_raw(spread(counts), distance(q, counts))
    print(f"true {true:.2f}, estimated {found:.2f}")
    assert found == pytest.approx(true, rel=0.06)
    # the estimator without its correction is caught
    plain = spread(counts).mean() / ((q - counts / SAMPLES) ** 2).sum(1).mean()
    assert abs(plain - true) > 0.06 * true


@pytest.mark.parametrize("k", [1, 4, 16])
def test_k_raw_samples_are_worth_k(k):
    rng, p, counts = world()
    assert k_raw(spread(counts), distance(rng.multinomial(k, p) / k, counts)) == pytest.approx(k, rel=0.05)


@pytest.mark.parametrize("k", [0, 1, 2, 8, 24, 64])
def test_k_star_samples_are_worth_k_star_samples_even_more_than_there_are(k):
    rng, p, counts = world(prompts=20000)
    base = smoothed(counts.sum(0))
    strength = dirichlet_strength(counts, base)
    assert strength == pytest.approx(12 * 0.4, rel=0.05)
    q = shrunk(rng.multinomial(k, p), base, strength) if k else np.tile(base, (len(p), 1))
    found = k_star(spread(counts), distance(q, counts), distance(base, counts), strength)
    assert found == pytest.approx(k, rel=0.1, abs=0.05)


def test_research_notes_the_base_rate_alone_is_worth_about_five_raw_samples():
    _, _, counts = world()
    base = smoothed(counts.sum(0))
    assert k_raw(spread(counts), distance(base, counts)) == pytest.approx(4.7, abs=0.2)


def test_worse_than_the_base_rate_is_worth_nothing_and_unmeasurable_errors_are_infinite():
    _, p, counts = world()
    base = smoothed(counts.sum(0))
    wrong = p[:, ::-1]
    parts = spread(counts), distance(wrong, counts), distance(base, counts)
    assert k_star(*parts, 4.8) == 0 and 0 < k_raw(*parts[:2]) < 4.7
    assert (
        k_raw(np.array([0.5]), np.array([-0.1]))
        == k_star(np.array([0.5]), np.array([-0.1]), np.array([0.1]), 1)
        == np.inf
    )
    assert np.isnan(k_raw(np.zeros(0), np.zeros(0)))


@settings(max_examples=50, deadline=None)
@given(g=st.floats(0.05, 0.95), b=st.floats(0.01, 0.5), strength=st.floats(0.1, 50), k=st.floats(0, 200))
def test_k_star_inverts_its_curve(g, b, strength, k):
    miss = (k * g + strength**2 * b) / (k + strength) ** 2
    # with more shrinkage than is good, the curve can first rise above the base rate: nothing to invert there
    if miss < b * (1 - 1e-6):
        found = k_star(np.array([g]), np.array([miss]), np.array([b]), strength)
        assert found == pytest.approx(k, rel=1e-3, abs=1e-3)


def test_strength_without_differences_is_large_and_without_samples_is_one():
    rng = np.random.default_rng(0)
    base = np.array([0.6, 0.3, 0.1])
    assert dirichlet_strength(rng.multinomial(32, np.tile(base, (500, 1))), base) > 300
    assert dirichlet_strength(np.eye(3)[rng.integers(3, size=500)] * 32, base) < 0.05
    assert dirichlet_strength(np.zeros((4, 3)), base) == 1.0
