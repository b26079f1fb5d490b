"""Tokens are drawn with the odds the policy says, and the filters are those of `transformers`."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forepath.errors import InputError
from forepath.records import Policy
from forepath.subjects.choosing import _filtered, check_policy, choose
from forepath.subjects.noise import trajectory_seed, uniforms


@given(st.integers(0, 10_000), st.integers(1, 300), st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None)
def test_the_token_is_the_inverse_of_the_cumulative_distribution(seed, vocab, number):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(1, vocab, generator=generator)
    token = int(choose(logits, np.array([number]), Policy())[0])
    edges = logits[0].double().softmax(-1).cumsum(-1).numpy()
    low = edges[token - 1] if token else 0.0
    assert low - 1e-6 <= number <= edges[token] + 1e-6


def test_a_token_of_no_probability_is_never_chosen():
    logits = torch.full((3, 200), -torch.inf)
    logits[:, [7, 130]] = 0.0
    picked = choose(logits, np.array([0.0, 0.499, 1 - 2**-53]), Policy())
    assert picked.tolist() == [7, 7, 130]


@pytest.mark.parametrize("policy", [Policy(temperature=0.7, top_k=5), Policy(top_p=0.6), Policy(1, 1.3, 0.8, 20)])
def test_filters_are_those_of_transformers(policy):
    from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = 2 * torch.randn(50, 64, generator=torch.Generator().manual_seed(0))
    expected = TemperatureLogitsWarper(float(policy.temperature))(None, logits)
    if policy.top_k:
        expected = TopKLogitsWarper(policy.top_k)(None, expected)
    if policy.top_p < 1:
        expected = TopPLogitsWarper(policy.top_p)(None, expected)
    torch.testing.assert_close(_filtered(logits, policy), expected)
    assert not torch.equal(_filtered(logits, Policy()), expected)


def test_greedy_ignores_the_number():
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    assert choose(logits, np.array([0.99]), Policy(temperature=0)).tolist() == [1]


def test_numbers_are_uniform_and_streams_unrelated():
    from scipy.stats import kstest

    seeds = np.arange(2000, dtype=np.uint64)
    u = np.stack([uniforms(seeds, t) for t in range(50)])
    assert kstest(u.ravel(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u[:, :-1].ravel(), u[:, 1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(u[:-1].ravel(), u[1:].ravel())[0, 1]) < 0.01
    assert kstest(u.ravel() ** 1.05, "uniform").pvalue < 1e-3, "the oracle sees a small bend"
    np.testing.assert_array_equal(uniforms(seeds[5:7], 3), u[3, 5:7])


def test_seeds_of_trajectories_are_stable_and_differ():
    assert trajectory_seed(0, "a", 1) == 5640247956467711177
    seeds = {trajectory_seed(r, p, s) for r in range(3) for p in ("a", "b", "a\x1f1") for s in range(50)}
    assert len(seeds) == 3 * 3 * 50


@pytest.mark.parametrize(
    "policy",
    [Policy(max_tokens=0), Policy(temperature=-1), Policy(top_p=1.5), Policy(top_k=-1), Policy(stop=("",))],
)
def test_policies_out_of_range_are_refused(policy):
    with pytest.raises(InputError, match="policy: "):
        check_policy(policy)
