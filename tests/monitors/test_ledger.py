"""Live forecasts are scored against what was written, beside rivals that do not see the answer first."""

import threading

import numpy as np
import pytest
from test_monitor import monitor, readings

from forepath.monitors.gathering import Places
from forepath.monitors.ledger import LEAST_TEXTS, PULL, RIVALS, Ledger, Settled

THREE = ("a", "b", "end")


def settle(ledger, texts, *, name=""):
    """`texts`: of each, its (odds, theme) in order."""
    for n, text in enumerate(texts):
        account, before = ledger.open(name and f"{name}{n}"), None
        for number, (odds, theme) in enumerate(text):
            top = int(np.argmax(odds))
            account.settle(number, Settled(THREE[theme], before, float(odds[theme]), float(odds[top]), top == theme))
            before = THREE[theme]
    return ledger


def drawn(texts, rng, *, boast=False):
    """Texts whose forecasts are right, or too sure of themselves."""
    out = []
    for _ in range(texts):
        text = []
        for _ in range(rng.integers(1, 12)):
            odds = np.roll([0.8, 0.15, 0.05], rng.integers(3))
            text.append((np.where(odds == 0.8, 0.998, 0.001) if boast else odds, int(rng.choice(3, p=odds))))
        out.append(text)
    return out


def test_losses_are_means_of_what_was_given_to_what_came():
    told = settle(Ledger(THREE), [[((0.7, 0.2, 0.1), t) for t in (0, 1, 0)]]).summary()
    assert told["forecasts"] == 3 and told["texts"] == 1
    assert told["cross_entropy"] == pytest.approx(-(2 * np.log(0.7) + np.log(0.2)) / 3)
    base = [0.5 / 1.5, 0.5 / 2.5, 1.5 / 3.5]  # what had been heard before each, half a count for every theme
    assert told["rivals"][0]["cross_entropy"] == pytest.approx(-np.log(base).mean())
    before = [base[0], base[1], base[2]]  # nothing had come after the same theme yet
    assert told["rivals"][1]["cross_entropy"] == pytest.approx(-np.log(before).mean())


def test_the_rivals_begin_with_what_the_forecaster_was_fitted_on():
    known = np.array([[0, 6, 0], [6, 0, 2], [0, 0, 0], [4, 0, 0]])
    told = settle(Ledger(THREE, known), [[((0.5, 0.4, 0.1), 0), ((0.5, 0.4, 0.1), 1)]]).summary()
    heard = np.array([10, 6, 2])
    base = [(heard[0] + 0.5) / (18 + 1.5), (heard[1] + 0.5) / (19 + 1.5)]
    after = [(4 + PULL * base[0]) / (4 + PULL), (6 + PULL * base[1]) / (6 + PULL)]
    assert told["rivals"][0]["cross_entropy"] == pytest.approx(-np.log(base).mean())
    assert told["rivals"][1]["cross_entropy"] == pytest.approx(-np.log(after).mean())
    assert known.sum() == 18  # what was handed over is not changed


def test_a_forecast_that_knows_more_has_skill_and_one_that_boasts_has_none():
    rng = np.random.default_rng(1)
    honest, boasting = settle(Ledger(THREE), drawn(250, rng)), settle(Ledger(THREE), drawn(250, rng, boast=True))
    for one in honest.summary()["rivals"]:
        assert 0.25 < one["low"] < one["skill"] < one["high"] < 0.55, one
    assert all(one["high"] < 0 for one in boasting.summary()["rivals"])
    (row,) = honest.summary()["reliability"]
    assert row["forecast"] == pytest.approx(0.8) and abs(row["came"] - 0.8) < 4 * row["error"] < 0.1
    (row,) = boasting.summary()["reliability"]
    assert row["forecast"] - row["came"] > 10 * row["error"]  # the oracle can fail


def test_intervals_hold_as_often_as_they_say_and_draw_texts_not_forecasts():
    """Texts of one outcome repeated: as wide as the texts make it, not as the forecasts would."""
    rng, held, naive, runs = np.random.default_rng(2), 0, 0, 150
    truth = 1 - (-(0.8 * np.log(0.8) + 0.2 * np.log(0.2))) / np.log(2)  # against a rival of even odds, for ever
    known = np.zeros((4, 3))
    known[:, :2] = 1e9
    for _ in range(runs):
        texts = [[((0.8, 0.2, 0.0), int(rng.random() < 0.2))] * 6 for _ in range(40)]
        whole = settle(Ledger(THREE, known), texts).summary()["rivals"][0]
        single = settle(Ledger(THREE, known), [[f] for text in texts for f in text]).summary()["rivals"][0]
        held += whole["low"] <= truth <= whole["high"]
        naive += single["low"] <= truth <= single["high"]
    assert 0.90 <= held / runs <= 0.985
    assert naive / runs < 0.7


def test_too_few_texts_say_nothing_however_many_forecasts():
    ledger = settle(Ledger(THREE), [[((0.8, 0.1, 0.1), 0)] * 50] * (LEAST_TEXTS - 1))
    told = ledger.summary()
    assert told["forecasts"] == 950 and "too few to say" in str(ledger)
    assert all(one[key] is None for one in told["rivals"] for key in ("skill", "low", "high"))
    settle(ledger, [[((0.8, 0.1, 0.1), 0)]])
    assert all(one["skill"] is not None for one in ledger.summary()["rivals"])
    assert "too few" not in str(ledger) and all(f"over the {name}" in str(ledger) for name in RIVALS)


def test_nothing_settled_is_no_number():
    told = Ledger(THREE).summary()
    assert (told["forecasts"], told["texts"], told["cross_entropy"], told["reliability"]) == (0, 0, None, [])
    assert {one["cross_entropy"] for one in told["rivals"]} == {None}


def test_a_text_that_is_gone_on_with_is_counted_once():
    texts = drawn(30, np.random.default_rng(3))
    once, twice = settle(Ledger(THREE), texts, name="t"), Ledger(THREE)
    settle(twice, [text[: len(text) // 2] for text in texts], name="t")
    settle(twice, texts, name="t")
    a, b = once.summary(), twice.summary()
    assert (a["forecasts"], a["texts"]) == (b["forecasts"], b["texts"])
    assert a["cross_entropy"] == pytest.approx(b["cross_entropy"])
    again = settle(settle(Ledger(THREE), texts), texts).summary()
    assert again["forecasts"] == 2 * a["forecasts"]  # without names they are other texts


def test_many_threads_lose_no_forecast():
    ledger, texts = Ledger(THREE), drawn(40, np.random.default_rng(4))
    threads = [threading.Thread(target=settle, args=(ledger, texts)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.summary()["forecasts"] == 4 * sum(map(len, texts)) and ledger.summary()["texts"] == 160


def test_a_monitor_settles_its_forecasts():
    watching = monitor()
    readings(watching)
    told = watching.ledger.summary()
    assert told["forecasts"] > 1 and told["texts"] == 1 and 0 < told["cross_entropy"] < 3
    lines = watching.ledger.metrics().splitlines()
    assert f"forepath_forecasts_total {told['forecasts']}" in lines and len(lines) == 12
    follower = watching.open("p", name="one")
    for char in "The rain and the wet were 3. The war and the army were 4. The rain":
        follower.feed(char, np.zeros(6))
    names = [one.theme for one in follower.heard]
    asked = list(zip(names, [None, *names[:-1]], strict=True))
    assert [(s.theme, s.before) for s in follower.settled] == asked and len(asked) > 1


def test_transitions_are_counted_where_sentences_begin():
    places = Places(
        np.zeros((5, 1)), np.zeros(5, int), np.zeros(5, int), np.zeros(5, int),
        np.array(["prompt", "sentence", "tokens", "sentence", "sentence"]), (None, "a", "a", "a", "b"), ((),) * 5,
        np.zeros(5, bool), (("a", "b"), ("a",), ("b",), ("end",), ()), (), np.zeros(5, int), {}, 0,
    )  # fmt: skip
    assert places.transitions(THREE, np.ones(5, bool)).tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert places.transitions(THREE, np.array([False, True, True, False, True])).sum() == 1
