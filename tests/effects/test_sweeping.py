"""The map of side effects, on a tiny model: right rows, unseen ones apart, and a picture."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "subjects"))
from tiny_subjects import make

from forepath.effects.foreseeing import foresee
from forepath.effects.sweeping import SideEffects, every_head, sweep
from forepath.errors import InputError
from forepath.forecasters.linear import LinearForecaster
from forepath.records import END, Futures
from forepath.subjects.interventions.making import ablate, add

PROMPTS = [f"w{i} w{i + 1} w{2 * i % 90 + 3}" for i in range(1, 25)]


@pytest.fixture(scope="module")
def read():
    subject = make("llama")
    x = subject.activations(PROMPTS, ["resid.2"])["resid.2"]
    steps = np.random.default_rng(0).integers(0, 3, size=(len(x), 6, 2)).astype(np.int16)
    steps[..., 1] = np.where(steps[..., 0] == 2, 2, steps[..., 1])
    return subject, LinearForecaster(chains=False).fit(x, Futures(("a", "b", END), steps))


def test_each_row_is_the_foresight_of_its_change_and_later_blocks_are_not_seen(read):
    subject, forecaster = read
    heads = every_head(subject)
    assert len(heads) == 12 and heads[5].site == "head:2.1"
    told = []
    found = sweep(subject, forecaster, "resid.2", PROMPTS, heads, step=2, report=lambda *p: told.append(p))
    assert told[-1] == (12, 12)
    assert found.unseen == tuple(f"ablate head:3.{h} (zero)" for h in range(4))
    before = subject.activations(PROMPTS, ["resid.2"])["resid.2"]
    after = subject.activations(PROMPTS, ["resid.2"], intervention=ablate("head:2.1"))["resid.2"]
    np.testing.assert_allclose(found.shift[5], foresee(forecaster, before, after).shift[1])
    assert sorted(found.order().tolist()) == list(range(12)) and set(found.order()[-4:]) == {8, 9, 10, 11}
    assert np.isnan(found.specificity()[8]) and 1 / 3 <= found.specificity()[5] <= 1


def test_the_map_is_drawn_and_tabled(read, tmp_path):
    subject, forecaster = read
    found = sweep(subject, forecaster, "resid.2", PROMPTS, [ablate("mlp:1"), add("resid.1", np.ones(24))])
    assert found.plot(tmp_path / "map.png").stat().st_size > 3000
    assert found.to_pandas().shape == (2, 3)
    with pytest.raises(InputError, match="1 to 2 steps"):
        sweep(subject, forecaster, "resid.2", PROMPTS, [ablate("mlp:1")], step=3)
    with pytest.raises(InputError, match="give some of both"):
        sweep(subject, forecaster, "resid.2", [], [ablate("mlp:1")])


def test_alike_rows_stand_together():
    rows = np.array([[1.0, -1, 0], [0, 1, -1], [2.0, -2, 0.1], [0.1, 1, -1.1]])
    order = SideEffects(("p", "q", "r", "s"), ("a", "b", END), rows, rows * 0, 1).order().tolist()
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset({0, 2}), frozenset({1, 3})}


def test_a_row_that_may_not_be_read_is_left_out():
    rows = np.array([[1.0, -1, 0], [np.nan] * 3, [2.0, -2, 0.1]])
    found = SideEffects(("p", "q", "r"), ("a", "b", END), rows, rows * 0, 1).refusing(["p"])
    assert found.refused == ("p",) and found.unseen == ("q",) and found.order().tolist() == [2, 0, 1]
    assert np.isnan(found.shift[0]).all() and np.isnan(found.se[0]).all() and found.shift[2].tolist() == [2.0, -2, 0.1]
