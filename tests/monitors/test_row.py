"""Rows of a stream: tokens that wait change neither what is said nor when."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor_toys import THEMES, pattern_codebook
from test_monitor import FORECASTER, NAMES

from forepath.monitors.monitor import Monitor, OffPath
from forepath.monitors.row import Row
from forepath.monitors.rules import parse_rule
from forepath.records import Step
from forepath.subjects.spelling import Spelling
from forepath.themes.labelling import PatternLabeller

END_TOKEN = 256
WORDS = [word for words in THEMES.values() for word in words]
texts = st.lists(st.sampled_from([*WORDS, " ", ". ", ".", "…", " é", "!\n\n", "\n", "?", "ß "]), max_size=40)


def decode(tokens) -> str:
    return bytes(tokens).decode(errors="replace")


def steps(tokens: list[int], *, ends: bool) -> list[Step]:
    rng = np.random.default_rng(len(tokens))
    written = [*tokens, *([END_TOKEN] if ends else [])]
    return [Step((token,), (n == len(written) - 1,), {"site": rng.standard_normal((1, 6))})
            for n, token in enumerate(written)]  # fmt: skip


def monitor(every: int) -> Monitor:
    return Monitor(FORECASTER, PatternLabeller(pattern_codebook()), themes=NAMES, site="site", horizon=2, every=every,
                   off_path=OffPath(0.3), rules=[parse_rule("P(war within 2) > 0.3")])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(texts, st.integers(0, 7), st.booleans(), st.sets(st.integers(0, 200), max_size=6), st.booleans())
def test_what_waits_changes_nothing(pieces, every, ends, asked, apart):
    tokens = list("".join(pieces).encode()) or [ord("x")]
    watching = monitor(every)
    most = 10_000 if ends else len(tokens)
    follower, spelling = watching.open("p"), Spelling(decode)
    eager, said = [], []
    for step in steps(tokens, ends=ends):
        token, seen = step.tokens[0], step.activations["site"][0]
        if token == END_TOKEN:
            eager.append(follower.finish(seen, ended=True))
            said.append("")
            continue
        said.append(spelling.add(token))
        reading = follower.feed(said[-1], seen)
        eager.append(follower.finish(None, ended=False, before=reading) if step.ended[0] else reading)
    quiet: set[int] = set()
    for _ in range(2):  # the second time most tokens are known to be quiet
        row = Row(watching.open("p"), Spelling(decode, apart=apart), number=0, site="site",
                  ends=frozenset({END_TOKEN}), most=most, quiet=quiet)  # fmt: skip
        for number, step in enumerate(steps(tokens, ends=ends)):
            reading = row.take(step)
            assert (reading is None) == (eager[number] is None)
            assert reading is None or reading.to_json(full=True) == eager[number].to_json(full=True)
            if number in asked:
                assert row.piece(number) == said[number]
        assert [row.piece(n) for n in range(len(said))] == said
        assert row.over and row.ended == ends
        assert not apart or quiet >= {token for token in tokens if chr(token).isalpha() and token < 128}
    assert not {ord(mark) for mark in ".!?\n"} & quiet


def test_most_tokens_touch_no_text():
    row = Row(monitor(0).open("p"), Spelling(decode, apart=True), number=0, site="site", ends=frozenset(), most=10_000,
              quiet=set(range(ord("a"), ord("z") + 1)) | {32})  # fmt: skip
    for step in steps(list(b"x the soup was warm and the bread was fresh"), ends=False)[:-1]:
        row.take(step)
    assert row.follower.text == "x" and row.piece(2) == "t" and row.follower.text.endswith("fres")
