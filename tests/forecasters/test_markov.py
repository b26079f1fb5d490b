"""How far the first table is trusted: as far as it tells what happens to prompts that are not in it."""

import numpy as np

from forepath.forecasters.left_out import shared_counts
from forepath.forecasters.markov import Markov
from forepath.records import Futures
from forepath.stats.losses import mean_loss
from forepath.stats.rates import smoothed
from forepath.stats.shrinkage import dirichlet_strength, shrunk

COUNT = 30
THEMES = (*(f"t{i}" for i in range(COUNT - 1)), "end")


def prompts(number, seed, *, meaning):
    """Every prompt's samples are alike; its last theme decides them only where it means something."""
    rng = np.random.default_rng(seed)
    last = rng.integers(COUNT - 1, size=number)
    favourite = (last + 1) % COUNT if meaning else rng.integers(COUNT, size=number)
    drawn = np.where(rng.random((number, 16)) < 0.8, favourite[:, None], rng.integers(COUNT, size=(number, 16)))
    return last, Futures(THEMES, drawn[..., None].astype(np.int16))


def test_last_themes_that_mean_nothing_are_hardly_trusted():
    last, futures = prompts(45, 0, meaning=False)
    asked, after = prompts(400, 1, meaning=False)
    ours = mean_loss(Markov().fit(last, futures).predict(asked), after)
    counts = np.zeros((COUNT, COUNT))
    np.add.at(counts, (np.repeat(last, 16), futures.steps.ravel()), 1)
    base = smoothed(counts.sum(0))
    trusting = shrunk(counts, base, dirichlet_strength(counts, base))[asked]  # the flaw: samples taken for prompts
    naive = -np.mean(np.log(np.take_along_axis(trusting, after.steps[..., 0].astype(int), 1)))
    nothing = -np.mean(np.log(base[after.steps.ravel()]))
    assert ours < nothing + 0.02 and naive > nothing + 0.3


def test_last_themes_that_decide_are_trusted():
    last, futures = prompts(300, 0, meaning=True)
    odds = Markov().fit(last, futures).predict(np.arange(COUNT - 1)).steps[:, 0]
    assert (odds.argmax(1) == np.arange(1, COUNT)).all() and odds.max(1).mean() > 0.7


def test_without_any_known_theme_it_is_the_base_rate():
    _, futures = prompts(20, 0, meaning=True)
    odds = Markov().fit(np.full(20, -1), futures).predict(np.array([-1, 3])).steps[:, 0]
    assert np.allclose(odds[0], odds[1]) and np.allclose(
        odds[0], smoothed(np.bincount(futures.steps.ravel(), minlength=COUNT))
    )


def test_counts_are_shared_by_equal_marks_only():
    marks, after = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    assert shared_counts(marks, after, np.array([1, 2]), 2).tolist() == [[1, 1], [1, 2]]
