"""Charts stay within their frame, leave out what cannot be drawn, and escape what they are told."""

import re
from xml.etree import ElementTree

import pytest

from forepath.apps.judging.charts import HIGH, WIDE, Chart, Series, draw

NAN, INF = float("nan"), float("inf")


def points(svg):
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)"', svg)]


@pytest.mark.parametrize("log", [False, True])
def test_what_is_finite_is_drawn_inside(log):
    series = [Series("a", [(1, 0.1), (10, NAN), (100, 10.0), (1000, INF)], [(0.0, 1.0), (0, 0), (NAN, 3), (0, 1)])]
    svg = draw(Chart("t", "x", "y", series, log_x=log, log_y=log, level=1.0))
    assert len(points(svg)) == 2
    assert all(0 <= x <= WIDE and 0 <= y <= HIGH for x, y in points(svg))
    (left, low), (right, high) = points(svg)
    assert left < right and low > high  # more is further right, and higher up


def test_names_are_escaped_and_the_picture_is_whole():
    evil = '<script>"&'
    chart = Chart(
        evil, evil, evil, [Series(evil, [(1, 1), (2, 3)]), Series("b", [(1, 2)])], marks=[(1, evil), (2, "z")]
    )
    svg = draw(chart)
    assert "<script" not in svg
    ElementTree.fromstring(f"<figure>{svg}</figure>")
    assert "legend" in svg


def test_nothing_to_draw_is_no_picture():
    assert draw(Chart("t", "x", "y", [])) == ""
    assert draw(Chart("t", "x", "y", [Series("a", [(0.0, 1.0)])], log_x=True)) == ""
    assert draw(Chart("t", "x", "y", [Series("a", [(2.0, 2.0)])])).count("<circle") == 1  # one point has a scale, too


def test_a_reliability_diagram_has_one_scale_for_both_axes():
    svg = draw(Chart("t", "x", "y", [Series("a", [(0.2, 0.2), (0.6, 0.6)])], diagonal=True))
    (x0, y0, x1, y1) = map(float, re.search(r'"level" x1="(\S+)" y1="(\S+)" x2="(\S+)" y2="(\S+)"', svg).groups())
    for x, y in points(svg):  # what is forecast as observed lies on the line
        assert (x - x0) / (x1 - x0) == pytest.approx((y - y0) / (y1 - y0), abs=0.01)
    off = points(draw(Chart("t", "x", "y", [Series("a", [(0.2, 0.6), (0.6, 0.2)])], diagonal=True)))
    assert (off[0][0] - x0) / (x1 - x0) != pytest.approx((off[0][1] - y0) / (y1 - y0), abs=0.1)
