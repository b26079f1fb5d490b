"""Chains against the enumeration of all of them, and the Markov rival against its own exact odds."""

from itertools import pairwise, product

import numpy as np
import pytest

from forepath.errors import ActivationError
from forepath.forecasters import Markov
from forepath.forecasters.chains import LEAST, MOST, likely_chains
from forepath.records import Futures

THEMES = ("a", "b", "c", "end")


def tables(rng, rows):
    return rng.dirichlet(np.full(4, 0.5), size=(rows, 4, 4))  # (row, step, before) -> odds


def every_chain(first, table, horizon):
    """{chain: probability} of one row, the slow way."""
    found = {}
    for path in product(range(4), repeat=horizon):
        cut = path[: path.index(3) + 1] if 3 in path else path
        p = first[cut[0]]
        for step, (before, after) in enumerate(pairwise(cut), start=1):
            p *= table[step, before, after]
        found[tuple(THEMES[i] for i in cut)] = p
    return found


@pytest.mark.parametrize("horizon", [1, 2, 4])
def test_every_likely_chain_is_there_with_its_exact_probability(horizon):
    rng = np.random.default_rng(horizon)
    first, table = rng.dirichlet(np.ones(4), size=6), tables(rng, 6)
    chains, probs = likely_chains(first, lambda h, rows, before: table[rows, h, before], THEMES, horizon)
    for row in range(6):
        exact = {c: p for c, p in every_chain(first[row], table[row], horizon).items() if p >= LEAST}
        found = {c: p for c, p in zip(chains, probs[row].tolist(), strict=True) if p > 0}
        assert found.keys() == exact.keys()
        assert all(found[c] == pytest.approx(exact[c]) for c in exact)
        assert sum(found.values()) > 0.9  # the oracle is not empty


def test_only_the_likeliest_are_listed_when_there_are_too_many():
    rng = np.random.default_rng(0)
    first, table = rng.dirichlet(np.ones(4), size=400), rng.dirichlet(np.ones(4), size=(400, 8, 4))
    chains, probs = likely_chains(first, lambda h, rows, before: table[rows, h, before], THEMES, 8)
    assert len(chains) == MOST == len(set(chains)) and (np.diff(probs.max(0)) <= 0).all()


def test_markov_recovers_the_chain_it_was_drawn_from():
    rng = np.random.default_rng(0)
    truth = rng.dirichlet(np.ones(4), size=4)
    truth[3] = np.eye(4)[3]

    def draw(before):
        return (truth[before].cumsum(-1)[..., :-1] < rng.random((*before.shape, 1))).sum(-1)

    last = rng.integers(0, 3, size=2000)
    steps = [draw(np.repeat(last[:, None], 16, axis=1))]
    steps.append(draw(steps[0]))
    forecast = Markov().fit(last, Futures(THEMES, np.stack(steps, 2).astype(np.int16))).predict(np.array([0, 1, 2]))
    assert np.abs(forecast.steps[:, 0] - truth[:3]).max() < 0.02
    assert np.abs(forecast.steps[:, 1] - truth[:3] @ truth).max() < 0.02
    unknown = Markov().fit(np.full(2000, -1), Futures(THEMES, np.stack(steps, 2).astype(np.int16)))
    assert np.abs(unknown.predict(np.array([-1])).steps[0, 0] - truth[last].mean(0)).max() < 0.02


@pytest.mark.parametrize("last", [[0.5], [4], [-2]])
def test_markov_refuses_what_is_no_theme(last):
    futures = Futures(THEMES, np.zeros((1, 2, 2), dtype=np.int16))
    with pytest.raises(ActivationError, match="0 to 3 or -1"):
        Markov().fit(np.array(last), futures)
