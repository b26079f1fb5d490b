"""Rows of a stream: tokens that wait change neither what is said nor when."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from monitor_toys import THEMES, pattern_codebook
from test_monitor import FORECASTER, NAMES

from forepath.errors import ActivationError
from forepath.monitors.monitor import Monitor, OffPath
from forepath.monitors.row import Row
from forepath.monitors.rules import parse_rule
from forepath.monitors.tokens import Tokens
from forepath.records import Policy, Step
from forepath.subjects.spelling import Spelling
from forepath.themes.labelling import PatternLabeller

END_TOKEN = 256
WORDS = [word for words in THEMES.values() for word in words]
texts = st.lists(st.sampled_from([*WORDS, " ", ". ", ".", "…", " é", "!\n\n", "\n", "?", "ß "]), max_size=40)


damaged = st.sampled_from([b"\xe2", b"\x80", b"\xc3", b"A", b". ", b"\n", b" ", b"war"])


def decode(tokens) -> str:
    return bytes(tokens).decode(errors="replace")


ASCII = Tokens.reading({token: chr(token) for token in range(128)})


def steps(tokens: list[int], *, ends: bool) -> list[Step]:
    rng = np.random.default_rng(len(tokens))
    written = [*tokens, *([END_TOKEN] if ends else [])]
    return [Step((token,), (n == len(written) - 1,), {"site": rng.standard_normal((1, 6))})
            for n, token in enumerate(written)]  # fmt: skip


def monitor(every: int) -> Monitor:
    return Monitor(FORECASTER, PatternLabeller(pattern_codebook()), themes=NAMES, site="site", horizon=2, every=every,
                   off_path=OffPath(0.3), rules=[parse_rule("P(war within 2) > 0.3")])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(texts.map(lambda pieces: "".join(pieces).encode()), st.lists(damaged, max_size=12).map(b"".join)),
    st.integers(0, 7),
    st.sampled_from(["end", "stop", "cut"]),
    st.sets(st.integers(0, 200), max_size=6),
    st.booleans(),
)
@example(b"A\xe2\na", 0, "cut", {2}, True)  # a character that is never finished, then white space
def test_what_waits_changes_nothing(written, every, how, asked, apart):
    """`how` the text comes to its end: by an end token, a stop text, or cut off."""
    tokens, ends = list(written) or [ord("x")], how == "end"
    watching = monitor(every)
    most = len(tokens) if how == "cut" else 10_000
    follower, spelling = watching.open("p"), Spelling(decode)
    eager, said, alarms = [], [], []
    for step in steps(tokens, ends=ends):
        token, seen = step.tokens[0], step.activations["site"][0]
        if token == END_TOKEN:
            eager.append(follower.finish(seen, ended=True))
            alarms += [(eager[-1].theme, alarm) for alarm in eager[-1].alarms]
            said.append("")
            continue
        said.append(spelling.add(token))
        reading = follower.feed(said[-1], seen)
        alarms += [(reading.theme, alarm) for alarm in reading.alarms] if reading else []
        if step.ended[0]:
            before, reading = reading, follower.finish(None, ended=how == "stop", before=reading)
            alarms += [(reading.theme, alarm) for alarm in reading.alarms[len(before.alarms) if before else 0 :]]
        eager.append(reading)
    for known in (ASCII, Tokens()) if apart else (Tokens(),):
        row = Row(watching.open("p"), Spelling(decode, apart=apart), number=0, site="site",
                  ends=frozenset({END_TOKEN}), most=most, tokens=known)  # fmt: skip
        for number, step in enumerate(steps(tokens, ends=ends)):
            reading = row.take(step)
            assert (reading is None) == (eager[number] is None)
            assert reading is None or reading.to_json(full=True) == eager[number].to_json(full=True)
            if number in asked:
                assert row.piece(number) == said[number]
        assert [row.piece(n) for n in range(len(said))] == said
        assert row.over and row.ended == (how != "cut") and row.alarms == alarms


def test_most_tokens_touch_no_text():
    row = quiet_row(monitor(0))
    for step in steps(list(b"x the soup was warm and the bread was fresh"), ends=False)[:-1]:
        row.take(step)
    assert (row.piece(2), row.piece(41), row.follower.text) == ("t", "s", "x"), "nor does showing what each adds"
    assert row.piece(42) == "" and row.follower.text.endswith("fres")


def test_white_space_after_a_sentence_is_fed_with_what_follows_it():
    row = quiet_row(monitor(0))
    given = steps(list(b"x war.\n\n  y"), ends=False)
    for step in given[:-1]:
        assert row.take(step) is None or step is given[0]
    assert row.follower.text == "x" and [row.piece(n) for n in (5, 6, 9)] == [".", "\n", " "]
    reading = row.take(given[-1])
    assert reading is not None and reading.reason == "end" and len(row.follower.heard) == 2


def quiet_row(watching: Monitor) -> Row:
    return Row(watching.open("p"), Spelling(decode, apart=True), number=0, site="site", ends=frozenset(), most=10_000,
               tokens=ASCII)  # fmt: skip


def test_waiting_has_an_end():
    row = quiet_row(monitor(0))
    for step in steps([ord("a")] * 600, ends=False)[:-1]:
        row.take(step)
    assert 300 < row.follower.tokens < 599
    row = quiet_row(monitor(0))
    for step in steps(list(b"a. " + b" " * 600), ends=False)[:-1]:
        row.take(step)
    assert row.follower.tokens > 200


def test_a_reading_that_fails_feeds_nothing_twice():
    row, text = quiet_row(monitor(0)), b"the soup was warm. Then"
    given = steps(list(text), ends=False)
    bad = text.index(b"T")
    given[bad] = Step(given[bad].tokens, given[bad].ended, {"site": np.full((1, 6), np.nan)})
    for step in given[:bad]:
        row.take(step)
    with pytest.raises(ActivationError):
        row.take(given[bad])
    row.piece(3)
    assert row.follower.text == "the soup was warm. T"


def test_tokens_of_another_subject_are_met_anew():
    """Token 97 is a letter here and a full stop there."""
    ByteLevel = type("ByteLevel", (), {})
    tokenizer = SimpleNamespace(backend_tokenizer=SimpleNamespace(decoder=ByteLevel()),
                                clean_up_tokenization_spaces=False,
                                get_vocab=lambda: {repr(token): token for token in range(256)})  # fmt: skip
    here = SimpleNamespace(fingerprint="here", tokenizer=tokenizer, end_ids=frozenset(), decode=decode)
    there = SimpleNamespace(fingerprint="there", tokenizer=tokenizer, end_ids=frozenset(),
                            decode=lambda tokens: decode(tokens).replace("a", "."))  # fmt: skip
    watching, heard = monitor(0), []
    for subject in (here, there, here):
        (row,) = watching.rows(subject, ["p"], Policy(max_tokens=100))
        for step in steps(list(b"The soup wasa Then the bread"), ends=False)[:-1]:
            row.take(step)
        heard.append(len(row.follower.heard))
    assert heard == [0, 1, 0]
