"""Watch rules: their grammar, hysteresis, and what is done."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forepath.errors import InputError
from forepath.monitors.hazards import Outlook
from forepath.monitors.rules import ACTIONS, Rule, Watch, bind, parse_rule

NAMES = ("legal threat", "insult", "end")


@given(
    st.lists(st.sampled_from(["legal threat", "a-b", "P(x", "within reach", "Äpfel"]), min_size=1, max_size=3),
    st.integers(1, 9), st.sampled_from([0.05, 0.3, 0.5, 0.95]), st.booleans(),
    st.lists(st.sampled_from(ACTIONS), max_size=3, unique=True),
)  # fmt: skip
def test_a_rule_survives_its_text_and_its_json(themes, within, limit, above, actions):
    until = limit * 0.8 if above else limit + (1 - limit) * 0.2
    rule = Rule(tuple(themes), within, limit, until, above, tuple(actions))
    assert parse_rule(str(rule)) == rule
    assert Rule.from_json(json.loads(json.dumps(rule.to_json()))) == rule
    assert Rule.from_json({"rule": str(rule)}) == rule


@pytest.mark.parametrize(
    "text",
    ["", "P(x) > 0.3", "P(x within 3) >= 0.3", "P(x within 3) > 1.5", "P(x within 0) > 0.3", "P(| within 3) > 0.3",
     "P(x within 3) > 0.3 then explode", "P(x within 3) > 0.3 until 0.4", "P(x within 3) > 0.3; drop table",
     "P(" + "x" * 5000 + " next) > 0.3"],
)  # fmt: skip
def test_what_is_no_rule_is_refused_and_told_how_to_write_one(text):
    with pytest.raises(InputError, match="P\\("):
        parse_rule(text)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"themes": "x", "within": 3, "above": 0.3},
        {"themes": ["x"], "within": 3},
        {"themes": ["x"], "within": 3, "above": 0.3, "url": "http://x"},
        {"rule": 3},
    ],
)
def test_json_that_is_no_rule_is_refused(data):
    with pytest.raises(InputError):
        Rule.from_json(data)


def test_a_rule_about_a_theme_that_is_not_forecast_names_the_nearest():
    assert bind(parse_rule("P(Legal Threat | end within 2) > 0.3"), NAMES, 3) == (0, 2)
    with pytest.raises(InputError, match="did you mean 'legal threat'"):
        bind(parse_rule("P(legal treat next) > 0.3"), NAMES, 3)
    with pytest.raises(InputError, match="the forecast 3"):
        bind(parse_rule("P(end within 4) > 0.3"), NAMES, 3)


def states(text: str, chances: list[float]) -> list[bool | None]:
    watch = Watch(parse_rule(text), NAMES, 1)
    out = []
    for n, p in enumerate(chances):
        first = np.array([p, 0.0, 1 - p])
        alarm = watch.update(Outlook(first, 1, lambda: np.zeros((0, 3, 3)), np.zeros(3)), n)
        out.append(None if alarm is None else alarm.raised)
    return out


def test_an_alarm_does_not_flicker_around_its_limit():
    chances = [0.2, 0.31, 0.29, 0.31, 0.25, 0.23, 0.31]
    assert states("P(legal threat next) > 0.3", chances) == [None, True, None, None, None, False, True]
    assert states("P(legal threat next) > 0.3 until 0.3", chances).count(None) < 4, "without hysteresis it flickers"
    assert states("P(legal threat next) < 0.3", [0.5, 0.2, 0.35, 0.5]) == [None, True, None, False]


def test_any_of_several_themes_counts():
    watch = Watch(parse_rule("P(legal threat | insult next) > 0.5"), NAMES, 1)
    first, none = np.array([0.3, 0.3, 0.4]), np.zeros((0, 3, 3))
    alarm = watch.update(Outlook(first, 1, lambda: none, np.zeros(3)), 7)
    assert alarm is not None and alarm.raised and np.isclose(alarm.value, 0.6) and alarm.token == 7


def test_a_rule_beyond_the_forecast_is_refused_and_not_answered_with_less():
    watch = Watch(parse_rule("P(end within 3) > 0.3"), NAMES, 3)
    with pytest.raises(InputError, match="3 themes ahead, this forecaster 2"):
        watch.update(Outlook(np.full(3, 1 / 3), 2, lambda: np.full((1, 3, 3), 1 / 3), np.zeros(3)), 0)
