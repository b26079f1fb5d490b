"""Boundary scores against a slow reading of their definitions."""

import math

from hypothesis import given
from hypothesis import strategies as st

from forepath.themes.boundaries import score_boundaries

N = 30
PLACES = st.sets(st.integers(1, N - 1), max_size=8).map(sorted)


def slowly(truth, found, length):
    """Pk and WindowDiff, read from the papers: slide two probes half a mean true segment apart."""
    window = max(1, round(length / (len(truth) + 1) / 2))
    wrong = miss = 0
    for i in range(length - window):
        a, b = (sum(i < p <= i + window for p in places) for places in (truth, found))
        wrong, miss = wrong + ((a > 0) != (b > 0)), miss + (a != b)
    return wrong / (length - window), miss / (length - window)


@given(PLACES, PLACES)
def test_against_the_definition(truth, found):
    scores = score_boundaries([truth], [found], [N])
    pk, window_diff = slowly(truth, found, N)
    assert math.isclose(scores.pk, pk)
    assert math.isclose(scores.window_diff, window_diff)
    assert 0 <= scores.pk <= scores.window_diff <= 1
    both = len(truth) + len(found)
    assert math.isnan(scores.f1) if not both else math.isclose(scores.f1, 2 * len({*truth} & {*found}) / both)


def test_the_definition_can_be_missed():
    """The oracle tells a boundary that is one off."""
    assert slowly([10, 20], [10, 21], N) != (0, 0)
    assert score_boundaries([[10, 20]], [[10, 21]], [N]).pk > 0


def test_tolerance_and_corpus():
    near = score_boundaries([[10], [5]], [[12], [5]], [20, 20], tolerance=2)
    assert near.f1 == 1.0
    assert score_boundaries([[10], [5]], [[12], [5]], [20, 20]).f1 == 0.5
    empty = score_boundaries([], [], [])
    assert math.isnan(empty.pk) and math.isnan(empty.f1)
