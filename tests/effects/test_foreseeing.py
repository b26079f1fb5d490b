"""Foresight beside samples, on worlds whose odds are known: shifts, sequential decisions, realignment, the map."""

import numpy as np
import pytest

from forepath.effects.deciding import decide
from forepath.effects.foreseeing import agreement, foresee, sampled_shift
from forepath.effects.realigning import Realigned, align, transfer
from forepath.errors import ActivationError, InputError, InterventionError, MismatchError
from forepath.forecasters.linear import LinearForecaster
from forepath.records import END, Futures

THEMES = ("a", "b", "c", END)


def odds_of(x, weights):
    z = np.exp(x @ weights)
    return z / z.sum(axis=1, keepdims=True)


def drawn(odds, samples, rng):
    """Futures of one step."""
    u = rng.random((len(odds), samples, 1))
    return Futures(THEMES, (u > odds.cumsum(axis=1)[:, None]).sum(axis=2).clip(max=3).astype(np.int16)[..., None])


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(8, 4))
    x = rng.normal(size=(400, 8))
    forecaster = LinearForecaster(chains=False).fit(x, drawn(odds_of(x, weights), 32, rng))
    return rng, weights, forecaster


def test_foretold_shifts_are_those_of_the_known_odds(world):
    rng, weights, forecaster = world
    x, moved = rng.normal(size=(300, 8)), None
    moved = x + 0.8 * weights[:, 1] / np.linalg.norm(weights[:, 1])
    found = foresee(forecaster, x, moved)
    exact = (odds_of(moved, weights) - odds_of(x, weights)).mean(axis=0)
    np.testing.assert_allclose(found.shift[0], exact, atol=0.03)
    assert found.shift[0, 1] > 0.05
    rows = found.effects()
    assert [r.measure for r in rows] == [f"step 1: {t}" for t in THEMES]
    assert rows[1].low < rows[1].shift < rows[1].high and rows[1].n == 300
    sampled, se = sampled_shift(drawn(odds_of(x, weights), 64, rng), drawn(odds_of(moved, weights), 64, rng))
    assert (np.abs(sampled[0] - exact) < 4 * se[0]).all()


def test_a_change_the_site_does_not_see_is_not_foretold_as_none(world):
    rng, _, forecaster = world
    x = rng.normal(size=(10, 8))
    with pytest.raises(InterventionError, match="does not reach the site"):
        foresee(forecaster, x, x.copy())
    with pytest.raises(InputError, match="same prompts"):
        foresee(forecaster, x, x[:5])


def test_agreement_over_many_changes(world):
    rng, weights, forecaster = world
    x = rng.normal(size=(150, 8))
    before = drawn(odds_of(x, weights), 16, rng)
    rows = []
    for _ in range(20):
        moved = x + 0.6 * rng.normal(size=8)
        sampled, se = sampled_shift(before, drawn(odds_of(moved, weights), 16, rng))
        rows.append((foresee(forecaster, x, moved).shift[0], sampled[0], se[0]))
    foretold, sampled, se = (np.array(part) for part in zip(*rows, strict=True))
    good = agreement(foretold, sampled, se, 16)
    assert good.rank.value > 0.95 and good.rank.low <= good.rank.value <= good.rank.high
    assert 0.85 < good.slope.value < 1.2 and good.error < 0.03 and good.ceiling > 0.98
    assert good.samples > 5 and good.error <= good.error_high < 0.04
    noise = agreement(rng.permutation(foretold.ravel()).reshape(foretold.shape), sampled, se, 16)
    assert abs(noise.rank.value) < 0.4 and noise.samples < 2
    exaggerating = agreement(3 * foretold, sampled, se, 16)
    assert exaggerating.slope.value == pytest.approx(good.slope.value / 3) and exaggerating.rank == good.rank
    truth = rng.laplace(size=(20, 30)) * 0.01
    one, other = (truth + rng.normal(size=truth.shape) * 0.02 for _ in "ab")
    mean = (one + other) / 2
    perfect = agreement(truth, mean, np.full(truth.shape, 0.02 / 2**0.5), 16, halves=(one, other))
    assert abs(perfect.rank.value - perfect.ceiling) < 0.08 and 0.4 < perfect.ceiling < 0.9
    drowned = agreement(foretold, sampled, se + 0.2, 16)
    assert drowned.error == 0 < drowned.error_high, "an error that the samples' noise hides is not none"
    biased = agreement(foretold + 0.1, sampled, se, 16)
    assert 0.09 < biased.error <= biased.error_high < 0.14
    with pytest.raises(InputError, match="3 changes"):
        agreement(foretold[:2], sampled[:2], se[:2], 16)


def prompts_of(means, rng):
    """Differences of prompts, one at a time, 8 samples a side."""
    means = np.asarray(means)
    return lambda i: (rng.binomial(8, 0.3 + means) - rng.binomial(8, 0.3, means.shape)) / 8


def test_sampling_stops_when_all_is_decided_and_not_before():
    rng = np.random.default_rng(3)
    found = decide(prompts_of([0.3, 0.0, -0.2], rng), ["a", "b", "c"], margin=0.12, most=3000)
    assert [v.says for v in found.verdicts] == ["moved", "same", "moved"] and found.asked == 3
    assert all(v.by == "samples" and v.low <= v.shift <= v.high for v in found.verdicts)
    assert 20 < found.prompts < 1500
    easy = decide(prompts_of([0.5], rng), ["a"], margin=0.12)
    assert easy.prompts < found.prompts
    short = decide(prompts_of([0.02, 0.5], rng), ["a", "b"], margin=0.02, most=40)
    assert [v.says for v in short.verdicts] == ["open", "moved"] and short.prompts == 40


def test_wrong_verdicts_are_as_rare_as_stated():
    rng, wrong, runs = np.random.default_rng(4), 0, 60
    for _ in range(runs):
        found = decide(prompts_of([0.0, 0.0, 0.0, 0.3], rng), list("abcd"), margin=0.2, most=400)
        says = [v.says for v in found.verdicts]
        wrong += says[:3].count("moved") / max(1, says.count("moved"))
    assert wrong / runs < 0.05


def test_nothing_is_sampled_for_what_foresight_is_sure_of():
    rng = np.random.default_rng(5)
    asked = []

    def more(i):
        asked.append(i)
        return prompts_of([0.3, 0.0, 0.3], rng)(i)

    found = decide(more, list("abc"), margin=0.1, foretold=np.array([0.3, 0.01, 0.12]), error=0.02, most=800)
    assert [(v.says, v.by) for v in found.verdicts] == [
        ("moved", "foresight"),
        ("same", "foresight"),
        ("moved", "samples"),
    ]
    assert found.asked == 1 and found.prompts == len(asked) > 0
    sure = decide(more, list("ab"), margin=0.1, foretold=np.array([0.3, 0.01]), error=0.02)
    assert sure.prompts == 0
    with pytest.raises(InputError, match="wanted a rate"):
        decide(more, list("abc"), margin=0.001)
    with pytest.raises(InputError, match=r"differences in \[-1, 1\]"):
        decide(lambda i: np.array([2.0]), ["a"], margin=0.1)


@pytest.mark.parametrize("kind", ["orthogonal", "affine"])
def test_realignment_undoes_a_change_of_place(world, kind):
    """The changed model writes the same and keeps it elsewhere: rotated and shifted. Reading it as it is fails."""
    rng, weights, forecaster = world
    turn = np.linalg.qr(rng.normal(size=(8, 8))).Q
    place = lambda x: x @ turn + 0.5  # noqa: E731
    shared, tested = rng.normal(size=(200, 8)), rng.normal(size=(60, 8))
    mapped = align(place(shared), shared, kind)
    np.testing.assert_allclose(mapped(place(tested)), tested, atol=1e-1)
    assert mapped.residual < 0.01
    odds = odds_of(tested, weights)
    found = transfer(forecaster, mapped, (tested, drawn(odds, 16, rng)), (place(tested), drawn(odds, 16, rng)))
    assert found.lost_before.low > 0.3 and abs(found.lost_after.value) < 0.1 and found.allowed
    forecast = Realigned(forecaster, mapped, found).predict(place(tested))
    np.testing.assert_allclose(forecast.steps, forecaster.predict(tested).steps, atol=0.05)
    nothing = align(place(shared), shared, "none")
    with pytest.raises(MismatchError, match="sample instead"):
        Realigned(forecaster, nothing, transfer(forecaster, nothing, (tested, drawn(odds, 16, rng)),
                                                (place(tested), drawn(odds, 16, rng))))  # fmt: skip


def test_a_model_that_really_changed_is_not_repaired_away(world):
    """Realigned on all prompts, a real change looks undone; the check on samples of the changed model says so."""
    rng, weights, forecaster = world
    shared, tested = rng.normal(size=(200, 8)), rng.normal(size=(80, 8))
    real = lambda x: x + 3 * weights[:, 1] / np.linalg.norm(weights[:, 1])  # noqa: E731
    mapped = align(real(shared), shared)
    old, new = drawn(odds_of(tested, weights), 16, rng), drawn(odds_of(real(tested), weights), 16, rng)
    found = transfer(forecaster, mapped, (tested, old), (real(tested), new))
    assert not found.allowed and found.lost_after.value > found.lost_before.value


def test_what_cannot_be_aligned_is_refused():
    x = np.ones((10, 3))
    with pytest.raises(ActivationError, match="same 5 prompts"):
        align(x, x[:4])
    with pytest.raises(ActivationError, match="NaN"):
        align(np.full((10, 3), np.nan), x)
    with pytest.raises(InputError, match="wanted 'none'"):
        align(x, x, "magic")
