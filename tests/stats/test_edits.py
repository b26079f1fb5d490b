"""Edit distances against the plain recursion, and what the mean between two sets of chains says."""

from functools import cache

import numpy as np

from forepath.stats.edits import edit_distances, mean_distance


def slow(a, b):
    @cache
    def between(i, j):
        if not i or not j:
            return i + j
        return min(between(i - 1, j) + 1, between(i, j - 1) + 1, between(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return between(len(a), len(b))


def padded(chains, length=4):
    return np.array([list(c) + [-1] * (length - len(c)) for c in chains])


def test_as_the_recursion_says():
    rng = np.random.default_rng(0)
    one, other = ([tuple(rng.integers(0, 3, rng.integers(0, 5))) for _ in range(200)] for _ in range(2))
    found = edit_distances(padded(one), padded(other))
    assert found.tolist() == [slow(a, b) for a, b in zip(one, other, strict=True)]
    assert found.tolist() != [slow(a, a) for a in one]  # the oracle can fail


def test_draws_from_one_distribution_are_as_far_from_each_other_as_among_themselves():
    rng = np.random.default_rng(1)
    draw = lambda odds: rng.choice(4, size=(300, 32, 3), p=odds)  # noqa: E731
    one, same, other = draw([0.4, 0.3, 0.2, 0.1]), draw([0.4, 0.3, 0.2, 0.1]), draw([0.1, 0.2, 0.3, 0.4])
    within = mean_distance(one, one, same=True).mean()
    assert abs(mean_distance(one, same).mean() - within) < 0.02
    assert mean_distance(one, other).mean() > within + 0.1


def test_what_was_not_seen_is_left_out():
    one = np.array([[[0, 1], [-1, -1]], [[-1, -1], [-1, -1]]])
    found = mean_distance(one, np.array([[[0, -1]], [[0, -1]]]))
    assert found[0] == 1 and np.isnan(found[1])
