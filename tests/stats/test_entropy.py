"""The ceiling: entropy from few samples, on odds that are known. The other estimators live here, as its rivals."""

import numpy as np
import pytest
from scipy.special import digamma

from forepath.stats.entropy import chao_shen, entropy


def plug_in(counts):
    p = counts / counts.sum(1, keepdims=True)
    return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(1)


def miller_madow(counts):
    return plug_in(counts) + ((counts > 0).sum(1) - 1) / (2 * counts.sum(1))


def jackknife(counts):
    n, without = counts.sum(1), np.zeros(len(counts))
    for j in range(counts.shape[1]):
        one_less = counts.copy()
        one_less[:, j] -= counts[:, j] > 0
        without += counts[:, j] * plug_in(one_less)
    return n * plug_in(counts) - (n - 1) / n * without


def grassberger(counts):
    m = np.maximum(np.arange(counts.max() + 1), 1)
    g = digamma(m) + 0.5 * (-1.0) ** m * (digamma((m + 1) / 2) - digamma(m / 2))
    return np.log(counts.sum(1)) - (counts * g[counts]).sum(1) / counts.sum(1)


def world(themes, sharpness, samples, seed=0, prompts=2500):
    """(true mean entropy, counts): odds from a softmax, as those of a language model are."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((prompts, themes)) * sharpness + rng.standard_normal(themes)
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    counts = rng.multinomial(samples, p)
    return -(p * np.log(p)).sum(1).mean(), counts


def test_least_bias_of_six_estimators():
    rivals = (plug_in, miller_madow, jackknife, grassberger, chao_shen, entropy)
    worlds = [world(themes, sharpness, 32) for themes in (12, 24, 45) for sharpness in (1.0, 3.0)]
    bias = {f.__name__: [float(f(counts).mean() - truth) for truth, counts in worlds] for f in rivals}
    for name, found in bias.items():
        print(f"{name:12s}", np.round(found, 3))
    size = {name: np.abs(found).mean() for name, found in bias.items()}
    assert min(size, key=size.get) == "entropy" and size["entropy"] < 0.02
    assert size["plug_in"] > 0.15  # the oracle sees a bias


@pytest.mark.parametrize("concentration", [0.1, 1.0])
@pytest.mark.parametrize("samples", [16, 32])
def test_where_the_prior_is_right_nothing_is_left(concentration, samples):
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.full(24, concentration), size=2500)
    truth = -(p * np.log(np.maximum(p, 1e-300))).sum(1).mean()
    counts = rng.multinomial(samples, p)
    assert entropy(counts).mean() == pytest.approx(truth, abs=0.012)
    assert abs(plug_in(counts).mean() - truth) > 0.1


@pytest.mark.parametrize("themes", [12, 24, 45])
@pytest.mark.parametrize("sharpness", [2.0, 4.0])
@pytest.mark.parametrize("samples", [16, 32])
def test_bias_is_small_where_the_prior_is_wrong(themes, sharpness, samples):
    truth, counts = world(themes, sharpness, samples)
    bias = float(entropy(counts).mean() - truth)
    assert -0.08 * 16 / samples < bias < 0.015
    assert abs(bias) < 0.25 * abs(plug_in(counts).mean() - truth)


def test_seeded():
    _, counts = world(12, 2.0, 16, prompts=50)
    assert np.array_equal(entropy(counts), entropy(counts)) and not np.array_equal(
        entropy(counts), entropy(counts, seed=1)
    )


def test_certain_prompts_have_none_and_single_samples_cannot_be_judged():
    found = entropy(np.array([[32, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1]]))
    assert abs(found[0]) < 0.05 and np.isnan(found[1:3]).all() and np.isfinite(found[3])
    assert np.isnan(entropy(np.zeros((2, 3), dtype=int))).all()
