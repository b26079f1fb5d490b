"""The linear forecaster's edges: what it refuses, what it survives, what it keeps on disk."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forepath.errors import ActivationError, MismatchError, RunCorruptError, RunVersionError, UnfittedError
from forepath.forecasters import LinearForecaster, Origin
from forepath.forecasters.heads import Head
from forepath.forecasters.odds import absorbed
from forepath.forecasters.stacked import Stacked
from forepath.forecasters.targets import chain_rows, kept_aside, step_rows
from forepath.records import Futures, Policy

THEMES = ("a", "b", "never", "end")


def world(seed=0, prompts=80):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((prompts, 4))
    first = (rng.random((prompts, 8)) < 1 / (1 + np.exp(-3 * x[:, :1]))).astype(int)
    second = np.where(rng.random(first.shape) < 0.5, 3, 1 - first)
    steps = np.stack([first, second], axis=2).astype(np.int16)
    return x, Futures(THEMES, steps)


ORIGIN = Origin("subject-1", "book-1", "resid.2", Policy(max_tokens=64, stop=("\n",)), 80, 8, 7)


def test_saved_and_loaded_forecasts_are_identical(tmp_path):
    x, futures = world()
    forecaster = LinearForecaster("layernorm", seed=3).fit(x, futures)
    forecaster.save(tmp_path / "f", ORIGIN)
    back = LinearForecaster.load(tmp_path / "f", subject="subject-1", codebook="book-1", site="resid.2")
    one, other = forecaster.predict(x), back.predict(x)
    assert np.array_equal(one.steps, other.steps) and np.array_equal(one.probs, other.probs)
    assert one.chains == other.chains and back.origin == ORIGIN and back.penalties == forecaster.penalties
    back.save(tmp_path / "g", ORIGIN)
    for name in ("forecaster.json", "forecaster.safetensors"):
        assert (tmp_path / "f" / name).read_bytes() == (tmp_path / "g" / name).read_bytes()


@pytest.mark.parametrize("field", ["subject", "codebook", "site"])
def test_another_subject_codebook_or_site_is_refused_by_name(tmp_path, field):
    x, futures = world()
    LinearForecaster().fit(x, futures).save(tmp_path, ORIGIN)
    with pytest.raises(MismatchError, match=rf"{field} '{getattr(ORIGIN, field)}', not 'other'"):
        LinearForecaster.load(tmp_path, **{field: "other"})


def test_newer_torn_and_missing_files_are_typed_errors(tmp_path):
    x, futures = world()
    LinearForecaster().fit(x, futures).save(tmp_path, ORIGIN)
    document = json.loads((tmp_path / "forecaster.json").read_text())
    (tmp_path / "forecaster.json").write_text(json.dumps({**document, "version": 99}))
    with pytest.raises(RunVersionError, match=r"99.*up to 1"):
        LinearForecaster.load(tmp_path)
    (tmp_path / "forecaster.json").write_text(json.dumps(document))
    data = bytearray((tmp_path / "forecaster.safetensors").read_bytes())
    data[-3] ^= 1
    (tmp_path / "forecaster.safetensors").write_bytes(data)
    with pytest.raises(RunCorruptError, match="sha256"):
        LinearForecaster.load(tmp_path)
    (tmp_path / "forecaster.json").write_text("{")
    with pytest.raises(RunCorruptError, match="no readable forecaster"):
        LinearForecaster.load(tmp_path)
    with pytest.raises(RunCorruptError, match=r"FileNotFoundError"):
        LinearForecaster.load(tmp_path / "nowhere")


def test_wrong_activations_are_named():
    x, futures = world()
    forecaster = LinearForecaster().fit(x, futures)
    bad = x.copy()
    bad[[3, 70], 1] = np.nan, np.inf
    with pytest.raises(ActivationError, match=r"2 of 80 rows .* rows 3, 70"):
        forecaster.predict(bad)
    with pytest.raises(ActivationError, match="width 3; this forecaster was fitted on 4"):
        forecaster.predict(x[:, :3])
    with pytest.raises(ActivationError, match="79 rows of activations for the futures of 80"):
        LinearForecaster().fit(x[:79], futures)
    with pytest.raises(ActivationError, match="at least one"):
        LinearForecaster().fit(x[:0], Futures(THEMES, futures.steps[:0]))
    with pytest.raises(UnfittedError):
        LinearForecaster().save("nowhere", ORIGIN)
    with pytest.raises(ValueError, match="'standardise', 'none' or 'layernorm'"):
        LinearForecaster("whiten")


def test_a_theme_never_seen_keeps_half_a_sample():
    x, futures = world()
    steps = LinearForecaster().fit(x, futures).predict(x * 50).steps
    assert (steps[:, 0, 2] >= 0.5 / (80 * 8 + 2) * 0.99).all()
    assert np.isfinite(np.log(steps)).all()


def test_nothing_observed_at_a_step_gives_even_odds_and_constant_features_say_nothing():
    x, futures = world()
    steps = futures.steps.copy()
    steps[:, :, 1] = -1
    x[:, 2] = 1e4
    forecaster = LinearForecaster().fit(x, Futures(THEMES, steps))
    moved = x.copy()
    moved[:, 2] += 5
    assert np.array_equal(forecaster.odds(x), forecaster.odds(moved))
    alive = forecaster.odds(x)[:, 1, :3]
    assert np.allclose(alive, alive[:, :1])


@pytest.mark.parametrize("prompts", [1, 2, 3])
def test_very_few_prompts_are_enough_to_answer(prompts):
    x, futures = world(prompts=prompts)
    assert np.isfinite(LinearForecaster().fit(x, futures).predict(x).steps).all()


def test_prompts_kept_aside_do_not_depend_on_order_and_twins_stay_together():
    x = np.random.default_rng(0).standard_normal((200, 3))
    x[100:] = x[:100]
    aside = kept_aside(x, 0)
    assert 30 <= aside.sum() <= 50 and np.array_equal(aside[:100], aside[100:])
    order = np.random.default_rng(1).permutation(200)
    assert np.array_equal(kept_aside(x[order], 0), aside[order])
    assert not np.array_equal(kept_aside(x, 1), aside)


steps_of = st.integers(1, 6).flatmap(
    lambda n: st.lists(
        st.lists(st.lists(st.integers(-1, 3), min_size=3, max_size=3), min_size=4, max_size=4), min_size=n, max_size=n
    )
)


@settings(max_examples=60, deadline=None)
@given(steps_of)
def test_rows_hold_exactly_the_samples_observed(steps):
    futures = Futures(THEMES, np.array(steps, dtype=np.int16))
    for h in range(3):
        rows = step_rows(futures, h)
        assert rows.weights.sum() == (futures.steps[:, :, h] >= 0).sum()
        links = chain_rows(futures, h) if h else None
        if links is not None and len(links.weights):
            counts = np.zeros((len(steps), 4, 4))
            for p, sample in np.ndindex(len(steps), 4):
                before, after = futures.steps[p, sample, h - 1 : h + 1]
                if before not in (-1, 3) and after != -1:
                    counts[p, before, after] += 1
            assert np.allclose(counts[links.point, links.group], links.targets * links.weights[:, None])
            assert links.weights.sum() == counts.sum() and (np.diff(links.point) >= 0).all()


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=5))
def test_absorbed_odds_still_sum_to_one_and_never_raise_the_dead(raw):
    steps = np.array(raw, dtype=float)[None] + 1e-9
    steps /= steps.sum(-1, keepdims=True)
    kept = absorbed(steps, 2)
    assert np.allclose(kept.sum(-1), 1) and (np.diff(kept[..., 2], axis=1) >= 0).all() and (kept >= 0).all()


def test_a_follower_gives_the_odds_of_each_pair_also_where_row_and_group_deny_each_other():
    rng = np.random.default_rng(0)
    linear, intercepts = 3 * rng.standard_normal((6, 4)), 3 * rng.standard_normal((5, 4))
    linear[0], intercepts[0] = [0, 900, -900, 0], [900, -900, 0, 0]  # each the other's impossible
    head = Head(np.zeros((2, 4)), intercepts, 0.01, 1.0)
    row, group = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    found = head.follower(linear)(row, group)
    assert np.allclose(found, head.odds(linear[row], group), rtol=1e-12, atol=0)
    assert not np.allclose(found, head.odds(linear[row], group[::-1]))
    assert len(head.follower(linear)(row[:0], group[:0])) == 0


def courses(forecaster: LinearForecaster, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = [forecaster.course(row) for row in rows]
    return np.stack([steps for steps, _ in found]), np.stack([links() for _, links in found])


def test_a_course_is_the_odds_and_the_transitions_at_once():
    x, futures = world(5)
    for chains in (True, False):
        forecaster = LinearForecaster(chains=chains).fit(x, futures)
        steps, links = courses(forecaster, x[:7])
        np.testing.assert_allclose(steps, forecaster.odds(x[:7]), rtol=1e-12)
        if chains:
            np.testing.assert_allclose(links, forecaster.transitions(x[:7]), rtol=1e-12)
        else:
            assert links.shape[1] == 0
    again = forecaster.fit(-x, futures)  # fitted anew, nothing old is kept
    np.testing.assert_allclose(courses(again, x[:7])[0], again.odds(x[:7]), rtol=1e-12)


@pytest.mark.parametrize(
    "wrong", [np.float64(1.0), np.zeros(3), np.zeros((1, 5)), np.zeros((5, 2)), np.full(5, np.inf)]
)
def test_a_course_of_no_vector_of_its_width_is_refused(wrong):
    rng = np.random.default_rng(0)
    futures = Futures(("story", "end"), rng.integers(0, 2, size=(40, 4, 2)).astype(np.int16))
    forecaster = LinearForecaster().fit(rng.standard_normal((40, 5)), futures)
    with pytest.raises(ActivationError):
        forecaster.course(wrong)


def test_a_course_holds_where_activations_lie_far_out_and_where_the_end_becomes_less_likely():
    rng = np.random.default_rng(6)
    x = rng.standard_normal((80, 4))
    futures = Futures(THEMES, rng.integers(0, 4, size=(80, 8, 3)).astype(np.int16))
    for far in (0.0, 1e3, 1e5):
        forecaster = LinearForecaster(penalty=1e-3).fit(x + far, futures)
        steps, links = courses(forecaster, x + far)
        np.testing.assert_allclose(steps, forecaster.odds(x + far), rtol=1e-6)
        np.testing.assert_allclose(links, forecaster.transitions(x + far), rtol=1e-6)
        raw = np.stack([head.odds((x + far) @ head.weights, np.zeros(80, dtype=int))[:, 3]
                        for head in forecaster._steps], axis=1)  # fmt: skip
        assert (np.diff(raw, axis=1) < 0).any(), "or the odds of the end need no mending here"


def test_a_course_whose_row_and_theme_before_contradict_each_other():
    rng = np.random.default_rng(7)
    weights = 1000.0 * np.eye(4)
    heads = [Head(weights, np.zeros((1, 4)), 0.01, 1.0), Head(weights, np.zeros((1, 4)), 0.01, 1.0)]
    links = [Head(weights, -4000.0 * np.eye(4)[rng.permutation(4)], 0.01, 1.0)]
    points = np.eye(4)
    stacked = Stacked.of(heads, links, 3)
    told = [stacked.course(point)[1]() for point in points]
    for row in range(4):
        for before in range(3):
            expected = links[0].odds(points[row : row + 1] @ weights, np.array([before]))[0]
            np.testing.assert_allclose(told[row][0, before], expected, rtol=1e-9)


def test_activations_with_both_infinities_are_refused_by_name():
    x, futures = world()
    forecaster = LinearForecaster().fit(x, futures)
    with pytest.raises(ActivationError, match="1 of 2 rows"):
        forecaster.odds(np.array([[np.inf, -np.inf, 0.0, 0.0], [0.0] * 4]))
    assert np.isfinite(forecaster.odds(np.full((1, 4), 1e307))).all()


def test_an_activation_too_large_to_be_normalised_is_refused():
    x, futures = world()
    forecaster = LinearForecaster(normalise="layernorm", penalty=1.0).fit(x, futures)
    with np.errstate(all="ignore"), pytest.raises(ActivationError, match="too large"):
        forecaster.course(np.full(x.shape[1], 1e308))
