"""Second thoughts about labels: exact where they can be, refused where they make no sense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forepath.errors import CodebookError
from forepath.records import Forecast, Segment, Trajectory
from forepath.themes.overlays import LONGEST, Overlay

THEMES = ("a", "b", "c", "other", "end")


def trajectory(*themes, finished=True):
    segments = tuple(Segment(i, i + 1, t) for i, t in enumerate(themes))
    return Trajectory("p/0", "s", "p", "", 0, (), "x" * len(themes), finished, segments=segments)


def test_merging_follows_through_and_chains_collapse():
    overlay = Overlay(merged={"a": "b", "b": "c"})
    assert overlay.label(trajectory("a", "b", "other", None)).chain == ("c", "other", "end")
    assert trajectory("a", "b").chain == ("a", "b", "end")  # the given one is as it was


def test_relabelling_a_segment_and_merging_its_new_theme():
    overlay = Overlay(merged={"a": "b"}, relabelled={"p/0:1": "a", "q/0:0": "c"})
    assert [s.theme for s in overlay.label(trajectory("c", "c")).segments] == ["c", "b"]


def test_taking_it_off_is_doing_nothing():
    assert not Overlay(7) and Overlay(merged={"a": "b"})
    assert Overlay().label(trajectory("a", "b")) == trajectory("a", "b")


@given(
    st.lists(st.floats(0.01, 1), min_size=5, max_size=5),
    st.dictionaries(st.sampled_from(THEMES[:3]), st.sampled_from(THEMES[:4]), max_size=3),
)
def test_odds_are_added_up_and_none_is_lost(weights, merged):
    overlay = Overlay(merged=merged)
    try:
        overlay.check(THEMES)
    except CodebookError:
        return  # a circle
    odds = np.array(weights) / sum(weights)
    chains = tuple((t, "end") for t in THEMES[:3])
    laid = overlay.merge(Forecast(THEMES, odds[None, None], chains, odds[None, :3]))
    assert np.isclose(laid.steps.sum(), 1) and np.isclose(laid.probs.sum(), odds[:3].sum())
    assert all(laid.steps[0, 0, THEMES.index(t)] == 0 for t in merged if overlay.target(t) != t)
    assert len(set(laid.chains)) == len(laid.chains)


@pytest.mark.parametrize(
    ("overlay", "says"),
    [
        (Overlay(merged={"a": "b", "b": "a"}), "circle"),
        (Overlay(merged={"a": "a"}), "circle"),
        (Overlay(merged={"z": "a"}), "'z'"),
        (Overlay(merged={"end": "a"}), "ended"),
        (Overlay(relabelled={"p/0:0": "end"}), "ended"),
        (Overlay(renamed={"a": ""}), "characters"),
        (Overlay(renamed={"a": "x" * (LONGEST + 1)}), "characters"),
        (Overlay(renamed={"a": "b"}), "merge them"),
    ],
)
def test_what_makes_no_sense_is_refused(overlay, says):
    with pytest.raises(CodebookError, match=says):
        overlay.check(THEMES)


def test_a_merged_theme_s_name_may_be_taken():
    Overlay(merged={"a": "b"}, renamed={"b": "a"}).check(THEMES)


@pytest.mark.parametrize("data", [[], {"what": 1}, {"merged": ["a"]}, {"renamed": {"a": 1}}])
def test_only_an_overlay_is_an_overlay(data):
    with pytest.raises(CodebookError):
        Overlay.from_json(data)
    overlay = Overlay(3, {"a": "b"}, {"b": "x"}, {"p/0:1": "c"})
    assert Overlay.from_json(overlay.to_json()) == overlay
