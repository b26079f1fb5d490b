"""Prompts unlike those before are flagged, those like them are not, and doubt shrinks with more prompts."""

import numpy as np
import pytest

from forepath.checks import check_forecaster
from forepath.errors import ActivationError, UnfittedError
from forepath.forecasters.closed_form import ClosedForm
from forepath.forecasters.ensemble import Ensemble
from forepath.forecasters.loading import load
from forepath.forecasters.novelty import Novelty
from forepath.forecasters.odds import softmax
from forepath.forecasters.saving import Origin
from forepath.records import Futures, Policy
from forepath.stats.auroc import auroc, auroc_estimate

ORIGIN = Origin("subject-1", "book-1", "resid.2", Policy(), 40, 8, 0)


def kinds(seed, prompts=400, width=32):
    """(old prompts, further old ones, a new kind): three clusters in a narrow subspace, and one elsewhere."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(7)
    centres = 2 * fixed.standard_normal((4, width))
    scale = 1 / np.sqrt(np.arange(1, width + 1))

    def draw(kind, count):
        return centres[kind] + rng.standard_normal((count, width)) * scale

    old = np.concatenate([draw(k, prompts // 3) for k in range(3)])
    return old, np.concatenate([draw(k, 100) for k in range(3)]), draw(3, 200)


@pytest.mark.parametrize("method", ["mahalanobis", "knn"])
def test_a_new_kind_is_told_apart_and_the_old_ones_raise_few_flags(method):
    old, again, new = kinds(0)
    found = Novelty(method).fit(old)
    told = auroc_estimate(found.distances(new), found.distances(again))
    print(method, told)
    assert told.value > 0.97 and told.low <= told.value <= told.high
    assert (found.unlike(again) > 0.95).mean() == pytest.approx(0.05, abs=0.06)
    assert (found.unlike(new) > 0.95).mean() > 0.85
    shuffled = np.random.default_rng(0).permuted(np.concatenate([again, new]), axis=0)
    assert abs(auroc(found.distances(shuffled[:300]), found.distances(shuffled[300:])) - 0.5) < 0.08


@pytest.mark.parametrize("method", ["mahalanobis", "knn"])
def test_saved_loaded_refused_and_unordered(method, tmp_path):
    old, again, _ = kinds(1)
    found = Novelty(method).fit(old)
    found.save(tmp_path, ORIGIN)
    back = load(tmp_path, subject="subject-1")
    assert np.array_equal(back.unlike(again), found.unlike(again)) and back.origin == ORIGIN
    assert np.allclose(Novelty(method).fit(old[::-1]).distances(again), found.distances(again))
    with pytest.raises(UnfittedError):
        Novelty(method).unlike(again)
    with pytest.raises(UnfittedError):
        Novelty(method).save(tmp_path, ORIGIN)
    with pytest.raises(ActivationError, match="width 3"):
        found.unlike(again[:, :3])
    for few in (1, 2, 3):
        assert np.isfinite(Novelty(method).fit(old[:few]).distances(again)).all()


def test_more_features_than_prompts_are_survived():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 200))
    found = Novelty().fit(x)
    moved, same = rng.standard_normal((50, 200)) + 1.0, rng.standard_normal((50, 200))
    assert auroc(found.distances(moved), found.distances(same)) > 0.9


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="'knn'"):
        Novelty("isolation forest")
    with pytest.raises(ValueError, match="at least 1"):
        Novelty("knn", neighbours=0)
    with pytest.raises(ValueError, match="at least 2"):
        Ensemble(ClosedForm, members=1)


def test_auroc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, size=40), rng.integers(0, 12, size=70)
    pairs = (b[:, None] > a).mean() + 0.5 * (b[:, None] == a).mean()
    assert auroc(b, a) == pytest.approx(pairs)
    assert np.isnan(auroc(a[:0], b)) and np.isnan(auroc_estimate(a[:0], b).value)


def world(seed, prompts):
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(3)
    x = rng.standard_normal((prompts, 4))
    odds = softmax(x @ fixed.standard_normal((4, 3)))
    drawn = (odds.cumsum(-1)[:, None, :-1] < rng.random((prompts, 8, 1))).sum(-1)
    return x, Futures(("a", "b", "end"), drawn[..., None].astype(np.int16)), odds


def test_members_disagree_about_as_much_as_they_are_wrong_and_less_with_more_prompts():
    unseen, _, truth = world(9, 300)
    widths = []
    for prompts in (50, 800):
        x, futures, _ = world(1, prompts)
        ensemble = Ensemble(lambda: ClosedForm("lda", chains=False), members=10).fit(x, futures)
        spread = ensemble.spread(unseen)
        missed = np.abs(ensemble.predict(unseen).steps[:, 0] - truth).mean()
        widths.append(spread.deviation.mean())
        print(prompts, missed, widths[-1])
        assert 0.4 < missed / widths[-1] < 2.5
        assert (spread.low <= spread.high).all() and (spread.information > -1e-9).all()
    assert widths[1] < 0.5 * widths[0]


def test_an_ensemble_keeps_the_contract():
    check_forecaster(lambda: Ensemble(lambda: ClosedForm("ridge"), members=2))
    x, futures, _ = world(0, 60)
    one = Ensemble(ClosedForm, members=2).fit(x, futures)
    other = Ensemble(ClosedForm, members=2).fit(x[::-1], Futures(futures.themes, futures.steps[::-1]))
    assert np.allclose(one.spread(x).deviation, other.spread(x).deviation, atol=1e-6)
