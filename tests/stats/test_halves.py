"""Drawing half of the prompts: whole groups, and the spread that a fit to all of them has."""

import numpy as np

from forepath.stats.halves import half, widening


def test_half_of_the_groups_are_drawn_each_whole():
    groups = [f"g{i // 3}" for i in range(60)]
    for seed in range(20):
        drawn = half(groups, (seed,))
        assert len(drawn) == 30 and (np.diff(drawn) > 0).all()
        assert set(np.bincount(drawn // 3, minlength=20)) == {0, 3}


def test_seeds_differ_and_repeat_and_one_group_is_kept():
    names = [str(i) for i in range(1000)]
    assert half(names, (1,)).tolist() == half(names, (1,)).tolist() != half(names, (2,)).tolist()
    assert half(["a", "a"], (3,)).tolist() == [0, 1]


def test_the_spread_of_means_is_that_of_fresh_samples():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(400)
    means = [values[half([str(i) for i in range(400)], (s,))].mean() for s in range(400)]
    assert 0.85 < np.std(means) / (values.std() / 20) < 1.15
    few = values[:5]
    means = [few[half([str(i) for i in range(5)], (s,))].mean() for s in range(400)]
    assert 0.85 < widening("abcde") * np.std(means) / (few.std(ddof=1) / np.sqrt(5)) < 1.15
    assert np.isnan(widening(["one", "one"]))
    most = [rng.choice(values, 320, replace=False).mean() for _ in range(400)]  # the oracle can fail: four fifths are
    assert np.std(most) / (values.std() / 20) < 0.7  # too much alike
