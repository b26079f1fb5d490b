"""The picture of a scored run: its own forecaster, on its own test prompts."""

import re

import numpy as np
import pytest

from forepath.apps.judging.calibrations import curves
from forepath.apps.judging.reliability import write_reliability
from forepath.errors import InputError
from forepath.records import Forecast


def test_one_page_without_scripts(scored, tmp_path):
    page = write_reliability(scored, tmp_path / "r.html").read_text()
    assert "Reliability: all themes" in page and page.count("<svg") >= 2
    assert "<script" not in page and not re.search(r"(src|href)=", page)
    with pytest.raises(InputError, match="existing folder"):
        write_reliability(scored, tmp_path / "nowhere" / "r.html")


def test_honest_odds_lie_on_the_diagonal_and_sure_ones_do_not():
    rng = np.random.default_rng(0)
    odds = rng.dirichlet([1, 1, 1], size=2000)
    shares = np.array([rng.multinomial(16, row) / 16 for row in odds])
    seen, sure = np.full((2000, 1), 16), odds**3 / (odds**3).sum(1, keepdims=True)
    gaps = []
    for given in (odds, sure):
        whole = curves(Forecast(("a", "b", "end"), given[:, None]), shares[:, None], seen)[0]
        gaps.append(np.abs(np.array(whole["forecast"]) - np.array(whole["observed"])).mean())
    assert gaps[0] < 0.02 < 0.05 < gaps[1]
