"""Themes can be told apart by every reader: hues measured under simulated colour blindness, textures beyond ten."""

from itertools import combinations

import numpy as np

from forepath.apps.colours import EMPHASIS, HATCHES, HUES, QUIET, look_of
from forepath.apps.pictures import draw_forecast
from forepath.apps.trees import grow

VIEWS = {  # Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def lab(hue, view):
    """CIE L*a*b* of "#rrggbb" as that viewer sees it."""
    rgb = np.array([int(hue[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.array(TO_XYZ) @ np.clip(np.array(VIEWS[view]) @ linear, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(hues):
    return min(np.linalg.norm(lab(a, v) - lab(b, v)) for a, b in combinations(hues, 2) for v in VIEWS)


def test_hues_stay_apart_for_every_viewer():
    assert nearest(HUES) > 12  # a difference of 2 to 3 can just be seen
    assert nearest([*HUES, "#44AA99"]) < 6  # the oracle can fail: it is lost beside the pink for a deutan


def test_seventy_themes_have_seventy_looks():
    themes = [f"t{i}" for i in range(70)] + ["other", "end"]
    looks = [look_of(t, themes) for t in themes[:70]]
    assert len(set(looks)) == 70 and len(HATCHES) == len(EMPHASIS) == len(set(EMPHASIS)) == len(set(HATCHES))
    assert look_of("other", themes).hue == look_of("end", themes).hue == QUIET
    assert len({look.terminal for look in looks}) == 70


def test_a_picture_hatches_only_what_needs_it():
    themes = [f"t{i}" for i in range(12)]
    first = draw_forecast(grow([("t0",)], [1.0]), themes, "title", "note")
    eleventh = draw_forecast(grow([("t10",), ("t0",)], [0.6, 0.4]), themes, "title", "note")
    assert "hatch" not in first
    assert 'id="hatch-1"' in eleventh and 'fill="url(#hatch-1)"' in eleventh
