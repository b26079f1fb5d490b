"""Agreement of two rounds and the share of other, by hand."""

import math

import numpy as np
import pytest

from forepath.errors import InputError
from forepath.records import Futures, Segment, Trajectory, futures_of
from forepath.themes.audit import audit, round_agreement, share_of_other, truth_agreement
from forepath.themes.codebook import Codebook, Theme

THEMES = ("a", "b", "other", "end")


def test_two_rounds_by_hand():
    first = futures_of([[("a", "end"), ("a",)], [("b",), ("b",)]], THEMES, 2)
    second = futures_of([[("a", "b"), ("b",)], [("a",), ("b",)]], THEMES, 2)
    one, two = round_agreement(first, second)
    assert (one.step, one.prompts) == (1, 2)
    assert one.same_likeliest == 0.5  # the tie of the second prompt goes to the first theme, a
    assert one.total_variation == 0.5
    assert (two.prompts, two.same_likeliest, two.total_variation) == (1, 0.0, 1.0)


def test_equal_rounds_agree_and_unobserved_steps_are_not_judged():
    futures = futures_of([[("a",), ("b",)]], THEMES, 2)
    one, two = round_agreement(futures, futures)
    assert (one.same_likeliest, one.total_variation) == (1.0, 0.0)
    assert math.isnan(two.same_likeliest) and two.prompts == 0
    with pytest.raises(InputError, match="sample the same prompts twice"):
        round_agreement(futures, Futures(("a",), np.zeros((1, 2, 2), dtype=np.int16)))


def test_noise_of_ten_samples_is_measured():
    """Rounds of 10 of a fair coin disagree about as much as theory says: E|X - Y| / 10, X and Y binomial."""
    rng = np.random.default_rng(0)
    rounds = [Futures(THEMES, rng.integers(0, 2, (4000, 10, 1)).astype(np.int16)) for _ in range(2)]
    (one,) = round_agreement(*rounds)
    chances = np.array([math.comb(10, k) for k in range(11)]) / 1024
    expected = sum(chances[x] * chances[y] * abs(x - y) for x in range(11) for y in range(11)) / 10
    assert one.total_variation == pytest.approx(expected, abs=0.01)
    assert expected > 0.15


def text_of(*segments):
    return Trajectory("x", "s", "p", "", 0, (), "." * 10, True, segments=segments)


def test_share_of_other_counts_characters():
    assert share_of_other([text_of(Segment(0, 3, "other"), Segment(3, 4, "a")), text_of()]) == 0.75
    assert math.isnan(share_of_other([text_of()]))


def test_lines_and_json_own_up_to_what_could_not_be_judged():
    checks = audit(Codebook((Theme("a"),)), [text_of()], failures=2)
    assert checks.to_json()["stability"] is None
    assert "could not be judged" in checks.lines()[1]
    assert checks.failures == 2


def test_truth_is_judged_by_the_label_that_holds_most():
    found = [text_of(Segment(0, 6, "x"), Segment(6, 10, "y")), text_of(Segment(0, 10, "x"))]
    truth = [[Segment(0, 5, "a"), Segment(5, 10, "b")], [Segment(0, 8, "a"), Segment(8, 9, "other"), Segment(9, 10)]]
    agreed = truth_agreement(found, truth)
    assert agreed.ami == pytest.approx(1.0)
    assert (agreed.segments, agreed.unjudged) == (3, 2)
    assert agreed.boundaries.f1 == 0.0


def test_what_labelling_cost_is_printed_where_it_is_counted():
    book = Codebook((Theme("a"),))
    counted = audit(book, iter(()), failures=2, cost={"requests": 1200, "prompt_tokens": 5})
    assert "labelling took              1,200 requests, 5 prompt tokens" in counted.lines()
    assert counted.to_json()["cost"]["requests"] == 1200
    assert not any("labelling" in line for line in audit(book, []).lines())
