"""Odds of a theme to come, against walking every chain."""

import itertools

import numpy as np
import pytest

from forepath.errors import ForecastError
from forepath.forecasters.linear import LinearForecaster
from forepath.monitors.hazards import chance_of_any, hazards, independent
from forepath.records import Futures


def chain_law(seed: int, themes: int = 4, horizon: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    links = rng.dirichlet(np.ones(themes), size=(horizon - 1, themes))
    links[:, -1] = np.eye(themes)[-1]
    return rng.dirichlet(np.ones(themes)), links, rng.uniform(5, 50, themes)


def walk(first, links, lengths, wanted):
    """(P(wanted within h), expected tokens) by adding up every chain."""
    horizon, came, late = len(links) + 1, np.zeros(len(links) + 1), 0.0
    for chain in itertools.product(range(len(first)), repeat=horizon):
        p = first[chain[0]] * np.prod([links[h][chain[h], chain[h + 1]] for h in range(horizon - 1)])
        hit = next((h for h, theme in enumerate(chain) if theme in wanted), None)
        if hit is not None:
            came[hit:] += p
            late += p * sum(lengths[t] for t in chain[:hit])
    return came, late / came[-1]


@pytest.mark.parametrize("seed", range(3))
def test_hazards_are_those_of_every_chain_added_up(seed):
    first, links, lengths = chain_law(seed)
    came, tokens = hazards(first, links, lengths)
    for theme in range(4):
        chance, late = walk(first, links, lengths, {theme})
        assert np.allclose(came[:, theme], chance) and np.isclose(tokens[theme], late)
    assert np.allclose(chance_of_any(first, links, [0, 2]), walk(first, links, lengths, {0, 2})[0])
    assert np.allclose(chance_of_any(first, links, [0, 2, 0]), chance_of_any(first, links, [0, 2])), "named twice"
    assert not np.allclose(chance_of_any(first, links, [0, 2]), came[:, 0] + came[:, 2]), "a union is not a sum"


def test_a_theme_that_cannot_come_has_no_distance():
    came, tokens = hazards(np.array([1.0, 0.0]), np.eye(2)[None], np.ones(2))
    assert came[-1].tolist() == [1.0, 0.0] and np.isnan(tokens[1])


def test_independent_links_have_the_given_steps_as_their_marginals():
    rng = np.random.default_rng(0)
    steps = rng.dirichlet(np.ones(4), size=3)
    steps[:, 3] = [0.1, 0.3, 0.4]
    steps[:, :3] *= (1 - steps[:, 3:]) / steps[:, :3].sum(axis=1, keepdims=True)
    links, at = independent(steps, 3), steps[0]
    for h, link in enumerate(links):
        assert np.allclose(link.sum(axis=1), 1)
        at = at @ link
        assert np.allclose(at, steps[h + 1])


def test_transitions_make_the_chains_of_the_linear_forecaster():
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 3, size=(80, 6, 3)).astype(np.int16)
    futures, x = Futures(("a", "b", "end"), steps), rng.standard_normal((80, 4))
    forecaster = LinearForecaster().fit(x, futures)
    links, forecast = forecaster.transitions(x[:2]), forecaster.predict(x[:2])
    for c, chain in enumerate(forecast.chains):
        index = [("a", "b", "end").index(t) for t in chain]
        for row in range(2):
            p = forecast.steps[row, 0, index[0]]
            p *= np.prod([links[row, h, i, j] for h, (i, j) in enumerate(itertools.pairwise(index))])
            assert np.isclose(p, forecast.probs[row, c])
    with pytest.raises(ForecastError, match=r"chains=True"):
        LinearForecaster(chains=False).fit(x, futures).transitions(x)
