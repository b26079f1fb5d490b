"""Paired tests that find what is planted, and little where there is nothing."""

import numpy as np

from forepath.apps.judging.contrasts import contrasts


def test_a_planted_difference_is_found_in_its_direction_and_at_its_size():
    rng = np.random.default_rng(0)
    hard = rng.gamma(2.0, size=(80, 2))
    losses = {"main": hard, "weak": hard + 0.2 + 0.1 * rng.standard_normal((80, 2)), "strong": hard - 0.2}
    rows = {(r["other"], r["step"]): r for r in contrasts(losses, [("main", "weak"), ("main", "strong")])}
    weak = rows["weak", 1]
    assert weak["verdict"] == "better" and weak["low"] < -0.2 < weak["high"] < 0
    assert rows["strong", 2]["verdict"] == "worse"
    # the oracle can fail: unpaired, the same losses tell nothing, the prompts differ so much
    losses["weak"] = rng.permutation(losses["weak"])
    unpaired = contrasts(losses, [("main", "weak")])
    assert {r["verdict"] for r in unpaired} == {"not told apart"}


def test_of_equals_hardly_any_is_told_apart():
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(40):
        losses = {"main": rng.standard_normal((50, 3))} | {str(i): rng.standard_normal((50, 3)) for i in range(10)}
        rows = contrasts(losses, [("main", str(i)) for i in range(10)])
        found += any(r["verdict"] != "not told apart" for r in rows)
    assert found <= 8  # of 40, at a rate of 5 % of the families


def test_what_cannot_be_judged_is_no_difference_and_groups_widen_the_doubt():
    lost = np.array([[1.0], [2.0], [np.nan], [4.0]])
    (row,) = contrasts({"a": lost, "b": lost + 1}, [("a", "b")])
    assert row["n_prompts"] == 3 and row["difference"] == -1
    rng = np.random.default_rng(2)
    luck = np.repeat(rng.standard_normal((10, 1)), 20, axis=0)
    losses = {"a": luck, "b": np.zeros((200, 1))}
    alone, grouped = (contrasts(losses, [("a", "b")], g)[0] for g in (None, [str(i // 20) for i in range(200)]))
    assert grouped["high"] - grouped["low"] > 3 * (alone["high"] - alone["low"])
    assert contrasts({}, []) == []
