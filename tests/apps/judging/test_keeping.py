"""Made once, kept under its key, made again for another version."""

from types import SimpleNamespace

import numpy as np
import pytest

from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.fits import share_key
from forepath.apps.judging.keeping import Kept, number, plain_json, signature
from forepath.apps.judging.verdict import _idle
from forepath.store import Run


def test_work_is_done_once_for_a_key_and_a_version(tmp_path):
    store, made = Run.create(tmp_path / "r", {}), []

    def work(value):
        return lambda: made.append(value) or np.full((3, 2, 4), value)

    assert Kept(store, "1 a").odds("main @ 1", work(0.25))[0].tolist() == np.full((3, 2, 4), 0.25).tolist()
    assert Kept(store, "1 a").odds("main @ 1", work(0.5))[0][0, 0, 0] == 0.25 and made == [0.25]
    assert Kept(store, "2 a").odds("main @ 1", work(0.5))[0][0, 0, 0] == 0.5  # the oracle can fail: another version
    kept = Kept(Run.open(tmp_path / "r"), "1 a")
    assert kept.note("n", lambda: {"x": float("nan"), "y": np.float64(2), "z": -np.inf}) == {
        "x": None,
        "y": 2.0,
        "z": "-inf",
    }
    assert kept.note("n", lambda: 1 / 0)["y"] == 2.0
    with pytest.raises(ZeroDivisionError):
        kept.note("m", lambda: 1 / 0)
    assert kept.noted("m") is None
    assert kept.note("m", lambda: 5) == 5  # what failed is not kept
    assert kept.noted("m") == 5
    store.verify()


def test_numbers_survive():
    for value in (1.5, np.inf, -np.inf):
        assert number(plain_json(value)) == value
    assert np.isnan(number(plain_json(float("nan"))))
    assert plain_json((np.array([1, 2]), None, "a", True)) == [[1, 2], None, "a", True]
    assert signature([1, "a"]) != signature([1, "b"])


def test_a_trained_row_that_adds_nothing_is_named(tmp_path):
    kept = Kept(Run.create(tmp_path / "r", {}), "1")
    rows = [Entrant(name, "ours", "", lambda _: None, lambda: None) for name in ("idle", "useful", "untold")]
    for row, share in zip(rows[:2], (0.0, 0.5), strict=True):
        kept.note(share_key(row), lambda share=share: share)
    (told,) = _idle(SimpleNamespace(kept=kept), rows)
    assert "idle" in told and "useful" not in told and "untold" not in told
    assert _idle(SimpleNamespace(kept=kept), rows[1:]) == []
