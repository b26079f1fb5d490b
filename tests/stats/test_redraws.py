"""Drawing prompts again: whole groups, as many as there were."""

import numpy as np

from forepath.stats.redraws import redrawn


def test_groups_are_drawn_whole_and_as_many_as_there_are():
    groups = [f"g{i // 3}" for i in range(60)]
    for seed in range(20):
        drawn = redrawn(groups, (seed,))
        assert len(drawn) == 60 and (np.diff(drawn) >= 0).all()
        times = np.bincount(drawn, minlength=60)
        assert (times.reshape(20, 3) == times.reshape(20, 3)[:, :1]).all()


def test_about_63_in_100_are_in_a_draw_and_seeds_differ():
    names = [str(i) for i in range(1000)]
    shares = [len(np.unique(redrawn(names, (s,)))) / 1000 for s in range(20)]
    assert 0.61 < np.mean(shares) < 0.655
    assert redrawn(names, (1,)).tolist() == redrawn(names, (1,)).tolist() != redrawn(names, (2,)).tolist()


def test_the_spread_of_means_is_that_of_fresh_samples():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(400)
    means = [values[redrawn([str(i) for i in range(400)], (s,))].mean() for s in range(400)]
    assert 0.85 < np.std(means) / (values.std() / 20) < 1.15
    half = [rng.choice(values, 200, replace=False).mean() for _ in range(400)]  # the oracle can fail: no repeats,
    assert np.std(half[:400]) / (values.std() / np.sqrt(200)) < 0.85  # too narrow for its size
