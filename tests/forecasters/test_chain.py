"""The chain transformer where the chain so far matters: against the truth, the linear chains, and its own promises."""

from itertools import product

import numpy as np
import pytest

from forepath.checks import check_forecaster
from forepath.errors import ActivationError
from forepath.forecasters import ChainForecaster, LinearForecaster
from forepath.forecasters.odds import softmax
from forepath.forecasters.sequences import chains_of
from forepath.records import UNKNOWN, Futures

THEMES, END = ("a", "b", "c", "end"), 3
SMALL = {"model": 32, "steps": 80}


def odds_of(x, path):
    """(prompts, themes) true odds after `path`: with two themes before, the one two back decides."""
    if not path:
        return softmax(np.column_stack([2 * x[:, 0], -2 * x[:, 0], x[:, 1], np.full(len(x), -3.0)]))
    if len(path) == 1:
        return np.tile([0.33, 0.32, 0.3, 0.05], (len(x), 1))
    odds = np.full((len(x), 4), 0.03)
    odds[:, path[-2]] = 0.91  # what was said before the last theme comes back
    return odds


def world(seed=0, prompts=150, samples=16):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((prompts, 3))
    steps = np.full((prompts, samples, 3), END, dtype=np.int16)
    for s in range(samples):
        for path in [()], list(product(range(3))), list(product(range(3), repeat=2)):
            for p in path:
                here = np.all(steps[:, s, : len(p)] == np.array(p, dtype=int), axis=1) if p else np.ones(prompts, bool)
                odds = odds_of(x[here], p)
                steps[here, s, len(p)] = (odds.cumsum(1)[:, :-1] < rng.random((len(odds), 1))).sum(1)
    return x, Futures(THEMES, steps)


@pytest.fixture(scope="module")
def fitted():
    x, futures = world()
    return x, futures, ChainForecaster(**SMALL).fit(x, futures)


def test_learns_what_no_first_order_chain_can(fitted):
    _, _, ours = fitted
    x, futures = world(1)
    linear = LinearForecaster().fit(*world())
    found = -ours.log_probs(x, futures).mean()
    print(found, ours.losses, ours.share)
    paths = list(product(range(3), repeat=3))
    odds = [[odds_of(x, p[:h])[:, p[h]] for h in range(3)] for p in paths]
    true = np.prod(odds, axis=1).T

    def gap(forecast):
        at = {c: i for i, c in enumerate(forecast.chains)}
        none = np.zeros(len(x))
        found = [forecast.probs[:, at[c]] if (c := tuple(THEMES[i] for i in p)) in at else none for p in paths]
        return np.abs(np.stack(found, 1) - true).sum(1).mean()

    assert gap(ours.predict(x)) < 0.3 < 0.6 < gap(linear.predict(x))
    assert ours.losses[0] - min(ours.losses) > 0.3 and ours.share > 0


def test_the_odds_of_steps_are_sums_over_chains_and_chains_have_their_scored_odds(fitted):
    x, _, ours = fitted
    forecast = ours.predict(x[:9])
    paths = [
        p for n in (1, 2, 3) for p in product(range(4), repeat=n) if END not in p[:-1] and (n == 3 or p[-1] == END)
    ]
    padded = np.array([[*p, *[END] * (3 - len(p))] for p in paths], dtype=np.int16)
    every = np.exp(ours.log_probs(x[:9], Futures(THEMES, np.tile(padded, (9, 1, 1)))))
    assert np.allclose(every.sum(1), 1, atol=1e-5)
    for h, theme in product(range(3), range(4)):
        exact = every[:, padded[:, h] == theme].sum(1)
        carried = ours.carried(x[:9])[:, h]
        assert (np.abs(exact - forecast.steps[:, h, theme]) <= 2 * carried + 1e-5).all()
    for chain, probs in zip(forecast.chains, forecast.probs.T, strict=True):
        exact = every[:, paths.index(tuple(THEMES.index(t) for t in chain))]
        assert np.allclose(probs[probs > 0], exact[probs > 0], atol=1e-5)


def test_without_anything_to_add_it_is_the_linear_forecaster():
    """Pure noise beyond the linear part: early stopping must leave it what it started from, or nearly."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3))
    first = (rng.random((60, 8)) < 0.5).astype(int)
    futures = Futures(THEMES, np.stack([first, 1 - first], axis=2).astype(np.int16))
    ours = ChainForecaster(**SMALL).fit(x, futures)
    assert min(ours.losses) <= ours.losses[0]
    unseen = rng.standard_normal((50, 3))
    assert np.abs(ours.predict(unseen).steps - LinearForecaster().fit(x, futures).predict(unseen).steps).mean() < 0.05


def test_keeps_the_contract(tmp_path):
    from test_forecaster_contract import reloaded

    two = np.random.default_rng(0).standard_normal((40, 2, 3))
    check_forecaster(lambda: ChainForecaster(model=16, steps=40), two, reload=reloaded(tmp_path))


def test_cut_off_chains_are_scored_as_far_as_they_go_and_others_refused(fitted):
    x, futures, ours = fitted
    steps = futures.steps[:, :2].copy()
    steps[:, 0] = UNKNOWN
    steps[:, 1, 1:] = UNKNOWN
    found = ours.log_probs(x, Futures(THEMES, steps))
    assert np.isnan(found[:, 0]).all()
    first = ours.predict(x).steps[np.arange(len(x)), 0, steps[:, 1, 0]]
    assert np.allclose(np.exp(found[:, 1]), first, atol=1e-6)
    with pytest.raises(ActivationError, match="same prompts"):
        ours.log_probs(x[:3], futures)


def test_equal_chains_are_counted_and_what_follows_the_end_is_not_learned():
    steps = np.array([[[0, 3, 3], [0, 3, 3], [-1, -1, -1], [1, 2, -1]]], dtype=np.int16)
    found = chains_of(Futures(THEMES, steps))
    assert sorted(map(tuple, np.column_stack([found.owner, found.themes, found.weights]).tolist())) == [
        (0, 0, 3, -1, 2), (0, 1, 2, -1, 1)
    ]  # fmt: skip
    drawn = [found.some(np.array([0]), 1, np.random.default_rng(i)).themes[0, 0] for i in range(300)]
    assert 0.24 < np.mean(drawn) < 0.43


def test_what_two_trunks_start_from_is_fitted_once_and_only_for_the_same(monkeypatch):
    from forepath.forecasters import writing
    from forepath.forecasters.layers import LayersForecaster

    rng, fits = np.random.default_rng(3), []
    x = rng.standard_normal((60, 2, 5))
    futures = Futures(("a", "b", "end"), rng.integers(0, 3, (60, 4, 2)).astype("i2"))
    plain = LayersForecaster.fit
    monkeypatch.setattr(LayersForecaster, "fit", lambda self, *a: fits.append(1) or plain(self, *a))
    monkeypatch.setattr(writing, "_last", None)
    made = [ChainForecaster(steps=1, model=16, heads=h, seed=1).fit(x, futures) for h in (2, 4)]
    assert len(fits) == 2  # without the prompts kept aside, and on all
    assert np.array_equal(made[0].predict(x).steps, made[1].predict(x).steps) or made[0].share or made[1].share
    ChainForecaster(steps=1, model=16, heads=2, seed=2).fit(x, futures)
    ChainForecaster(steps=1, model=16, heads=2, seed=2).fit(x + 1e-9, futures)
    assert len(fits) == 6
