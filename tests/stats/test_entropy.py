"""The ceiling: entropy from few samples, on odds that are known. The other estimators live here, as its rivals."""

import numpy as np
import pytest
from scipy.special import digamma

from forepath.stats.entropy import entropy


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


def world(themes, sharpness, samples, seed=0, prompts=4000):
    """(true mean entropy, counts): odds from a softmax, as those of a language model are."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((prompts, themes)) * sharpness + rng.standard_normal(themes)
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    counts = rng.multinomial(samples, p)
    return -(p * np.log(p)).sum(1).mean(), counts


def test_least_bias_of_five_estimators_on_24_themes_and_32_samples():
    truth, counts = world(24, 2.9, 32)
    bias = {f.__name__: float(f(counts).mean() - truth)
            for f in (plug_in, miller_madow, jackknife, grassberger, entropy)}  # fmt: skip
    print(bias)
    assert min(bias, key=lambda name: abs(bias[name])) == "entropy"
    assert bias["plug_in"] < -0.15 and abs(bias["entropy"]) < 0.02  # the first half: the oracle sees a bias


@pytest.mark.parametrize("themes", [12, 24, 45])
@pytest.mark.parametrize("sharpness", [2.0, 4.0])
@pytest.mark.parametrize("samples", [16, 32])
def test_bias_is_small_and_not_in_the_forecasters_favour(themes, sharpness, samples):
    truth, counts = world(themes, sharpness, samples)
    bias = float(entropy(counts).mean() - truth)
    assert -0.16 * 16 / samples < bias < 0.02
    assert abs(bias) < 0.4 * abs(plug_in(counts).mean() - truth)


def test_certain_prompts_have_none_and_single_samples_cannot_be_judged():
    found = entropy(np.array([[32, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1]]))
    assert found[0] == 0 and np.isnan(found[1:3]).all() and np.isfinite(found[3])
