"""Closed-form heads beside the solver's and beside scikit-learn's; coupled chains against what they promise."""

import numpy as np
import pytest

from forepath.forecasters import ClosedForm, LinearForecaster
from forepath.forecasters.closed_form import _gaussians, fit_link, fit_ridge
from forepath.forecasters.coupling import coupled, follow_tables
from forepath.forecasters.exploring import explore
from forepath.forecasters.odds import absorbed, softmax
from forepath.records import Forecast, Futures
from forepath.stats.judge import Judge

THEMES = ("a", "b", "c", "d", "end")


def world(seed=0, prompts=500, samples=16):
    """(x, futures, true odds of the first step)"""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((prompts, 6))
    odds = softmax(x @ rng.standard_normal((6, 5)))
    first = (odds.cumsum(-1)[:, None, :-1] < rng.random((prompts, samples, 1))).sum(-1)
    second = np.where(first == 4, 4, np.where(rng.random(first.shape) < 0.7, (first + 1) % 4, 4))
    return x, Futures(THEMES, np.stack([first, second], axis=2).astype(np.int16)), odds


@pytest.mark.parametrize("method", ["ridge", "lda"])
def test_explains_nearly_what_the_fitted_head_explains(method):
    x, futures, odds = world()
    train, test = Futures(THEMES, futures.steps[:300]), Futures(THEMES, futures.steps[300:])
    judge = Judge(test, train)
    ours, fitted = ClosedForm(method).fit(x[:300], train), LinearForecaster().fit(x[:300], train)
    for one, other in zip(
        judge.score("", ours.predict(x[300:])), judge.score("", fitted.predict(x[300:])), strict=True
    ):
        print(method, one, other.explained)
        assert one.explained > 0.93 * other.explained
    exact = judge.score("exact", Forecast(THEMES, np.stack([odds[300:]] * 2, axis=1)))[0]
    assert judge.score("", ours.predict(x[300:]))[0].explained < exact.explained + 0.03


def test_ridge_is_what_leaving_each_prompt_out_gives():
    """The shortcut against refitting n times, by the choice it leads to: the penalty and the link."""
    x, futures, _ = world(prompts=30, samples=4)
    counts = np.array([np.bincount(row, minlength=5) for row in futures.steps[:, :, 0]]).astype(float)
    base = (counts.sum(0) + 0.5) / (counts.sum() + 2.5)
    head = fit_ridge(x, counts, base, np.zeros(30, int))
    from forepath.forecasters.closed_form import PATH
    from forepath.stats.shrinkage import dirichlet_strength, shrunk

    targets = np.log(shrunk(counts, base, dirichlet_strength(counts, base)) / base)
    unit = float((np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2).mean())
    losses = {}
    for penalty in PATH:
        out = []
        for i in range(len(x)):
            rest = np.arange(len(x)) != i
            centre, middle = x[rest].mean(0), targets[rest].mean(0)
            gram = (x[rest] - centre).T @ (x[rest] - centre)
            # leaving a prompt out leaves its share of the centring in the shortcut: equal to first order in 1/n
            w = np.linalg.solve(gram + penalty * unit * np.eye(6), (x[rest] - centre).T @ (targets[rest] - middle))
            out.append(middle + (x[i] - centre) @ w)
        losses[penalty] = fit_link(np.array(out), counts)[0]
    assert min(losses, key=losses.get) == head.penalty


def test_lda_is_scikit_learns_on_one_label_each():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    x, futures, _ = world(samples=1)
    labels = futures.steps[:, 0, 0]
    weights, bias = _gaussians(x, np.eye(5)[labels])(0.0)
    bias += np.log(np.bincount(labels) / 500) - np.log((np.bincount(labels) + 0.5) / 502.5)
    peer = LinearDiscriminantAnalysis(solver="lsqr")
    assert np.allclose(softmax(x @ weights + bias), peer.fit(x, labels).predict_proba(x), atol=1e-6)


def test_the_link_undoes_a_wrong_scale():
    _, futures, odds = world(prompts=3000, samples=8)
    counts = np.array([np.bincount(row, minlength=5) for row in futures.steps[:, :, 0]]).astype(float)
    _, scale, bias = fit_link(np.log(odds) / 3 + np.array([0.5, 0, 0, 0, 0]), counts)
    assert scale == pytest.approx(3, rel=0.05)
    assert bias - bias[1] == pytest.approx([-1.5, 0, 0, 0, 0], abs=0.15)


def test_coupled_chains_have_the_steps_as_their_marginals():
    rng, end = np.random.default_rng(1), 4
    steps = absorbed(rng.dirichlet(np.ones(5), size=(40, 4)), end)
    tables = rng.dirichlet(np.ones(5), size=(3, 5))
    tables[:, end] = np.eye(5)[end]
    transition = coupled(steps, tables, end)
    found = explore(steps[:, 0], lambda h, rows, paths: transition(h, rows, paths[:, -1]), transition, THEMES, 4,
                    width=10**6, least=1e-9)  # fmt: skip
    assert np.abs(found.steps - steps).max() < 1e-4
    uncoupled = np.einsum("rb,ba->ra", steps[:, 0], tables[0])
    assert np.abs(uncoupled - steps[:, 1]).max() > 0.1  # the tables alone would not do
    assert found.carried.max() < 1e-3


def test_coupling_changes_nothing_where_the_tables_already_fit():
    _, futures, _ = world()
    table = follow_tables(futures)
    first = np.random.default_rng(0).dirichlet(np.ones(5), size=7)
    steps = np.stack([first, first @ table[0]], axis=1)
    odds = coupled(steps, table, 4)(1, np.arange(7), np.array([0, 1, 2, 3, 0, 1, 2]))
    assert np.abs(odds - table[0][[0, 1, 2, 3, 0, 1, 2]]).max() < 1e-4


def test_beam_and_tail_together_lose_nothing_and_say_what_is_not_exact():
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(5), size=(5, 5))
    first = rng.dirichlet(np.ones(5), size=6)

    def extend(step, rows, paths):
        return table[paths[:, -1], paths[:, -2] if step > 1 else 0]

    def tail(step, rows, before):
        return table[before].mean(axis=1)

    exact = explore(first, extend, tail, THEMES, 4, width=10**6, least=0.0)
    narrow = explore(first, extend, tail, THEMES, 4, width=8, least=0.01)
    assert np.allclose(narrow.steps.sum(-1), 1) and exact.carried.max() == 0
    assert 0.05 < narrow.carried[:, 3].mean() < 0.6
    gap = np.abs(narrow.steps - exact.steps).sum(-1)
    assert (gap <= 2 * narrow.carried + 1e-9).all() and gap.max() > 1e-3
    shared = {c: p for c, p in zip(exact.chains, exact.probs.T, strict=True)}
    for chain, probs in zip(narrow.chains, narrow.probs.T, strict=True):
        assert np.allclose(probs[probs > 0], shared[chain][probs > 0])


def test_few_prompts_wide_features_and_unseen_steps_are_survived():
    x, futures, _ = world()
    wide = np.concatenate([x, np.random.default_rng(0).standard_normal((len(x), 300))], axis=1)[:40]
    steps = futures.steps[:40].copy()
    steps[:, :, 1] = -1
    for method in ("ridge", "lda"):
        assert np.isfinite(ClosedForm(method).fit(wide, Futures(THEMES, steps)).predict(wide).steps).all()
        for n in (1, 2, 3):
            few = ClosedForm(method).fit(x[:n], Futures(THEMES, futures.steps[:n])).predict(x)
            assert np.isfinite(few.steps).all()
    with pytest.raises(ValueError, match="wanted one of ridge, lda"):
        ClosedForm("qda")
