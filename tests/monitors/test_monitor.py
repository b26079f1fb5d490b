"""Following a stream: what is said when, alarms and actions, doubts, and that nothing is sampled twice."""

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from monitor_toys import THEMES, Writer, pattern_codebook, wander

from forepath.errors import InputError
from forepath.forecasters.linear import LinearForecaster
from forepath.monitors.actions import Actions, log_into
from forepath.monitors.guard import Familiar, Guard
from forepath.monitors.hazards import hazards
from forepath.monitors.monitor import Monitor, OffPath
from forepath.monitors.rules import parse_rule
from forepath.monitors.webhook import Webhook
from forepath.records import Futures, Policy
from forepath.store import Run
from forepath.themes.labelling import PatternLabeller

NAMES = (*THEMES, "other", "end")
POLICY = Policy(max_tokens=600)


def fitted(steps: int = 2) -> LinearForecaster:
    """Learns from made-up activations that the marked theme comes next and the one after it follows."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, size=800)
    x = 0.5 * rng.standard_normal((800, 6))
    x[np.arange(800), first] += 2.0
    index = np.array([0, 1, 2, 4])
    after = np.where(first == 3, 4, (first + 1) % 3)
    chain = np.stack([index[first], after, np.where(after == 4, 4, (after + 1) % 3)], axis=1)[:, None, :steps]
    return LinearForecaster().fit(x, Futures(NAMES, chain.astype(np.int16)))


FORECASTER = fitted()


def monitor(**options) -> Monitor:
    given = {"themes": NAMES, "site": "site", "horizon": 2, "lengths": np.full(5, 30.0), "off_path": OffPath(0.01)}
    return Monitor(options.pop("forecaster", FORECASTER), PatternLabeller(pattern_codebook()), **{**given, **options})


def readings(watching: Monitor, subject=None, prompt: str = "p", seed: int = 1, policy: Policy = POLICY):
    moments = list(watching.follow(subject or Writer(wander), prompt, seed=seed, policy=policy))
    return moments, [m.readings[0] for m in moments if m.readings[0] is not None]


def test_an_activation_is_asked_for_only_where_something_is_read():
    asked = []

    class Counted(dict):
        def __getitem__(self, name):
            asked.append(name)
            return super().__getitem__(name)

    class Writes(Writer):
        def stream(self, prompts, **options):
            for step in super().stream(prompts, **options):
                yield replace(step, activations=Counted(step.activations))

    moments, read = readings(monitor(), Writes(wander))
    assert len(asked) == len(read) < len(moments) / 5
    asked.clear()
    _, again = readings(monitor(), Writer(wander))
    assert [r.to_json() for r in again] == [r.to_json() for r in read] and not asked


def test_the_text_is_that_of_the_stream_and_nothing_is_sampled_twice():
    calls = []

    class Counted(Writer):
        def stream(self, prompts, **options):
            calls.append(len(prompts))
            return super().stream(prompts, **options)

    subject = Counted(wander)
    moments, _ = readings(monitor(), subject)
    plain = [s.tokens[0] for s in Writer(wander).stream(["p"], seeds=[1], policy=POLICY)]
    assert [m.step.tokens[0] for m in moments] == plain and calls == [1]
    assert "".join(m.pieces[0] for m in moments) == subject.decode(plain)


def test_it_reads_at_the_prompt_at_every_boundary_and_at_the_end():
    for seed in range(8):
        _, seen = readings(monitor(), seed=seed)
        themes = wander("p", seed)
        assert [r.reason for r in seen] == ["prompt", *["theme"] * (len(themes) - 1), "end"]
        assert seen[-1].chain == (*themes, "end") and seen[-1].forecast is None
        assert [r.theme for r in seen[1:-1]] == themes[:-1]


def reading_of(moments, reading):
    """(1, width) what the stream left where this reading was made."""
    (step,) = [m.step for m in moments if m.readings[0] is reading]
    return step.activations["site"]


def test_a_reading_has_seen_only_what_stands_before_it():
    """At a boundary the next theme is already marked in the activation, and the text read ends before it begins."""
    moments, seen = readings(monitor(), seed=3)
    text = "".join(m.pieces[0] for m in moments)
    for reading, theme in zip(seen[:-1], wander("p", 3), strict=True):
        assert NAMES[int(reading.forecast.steps[0, 0].argmax())] == theme
        assert reading.at == reading.token and text[: reading.at].endswith("\n\n"[: 2 * bool(reading.at)])
        assert np.allclose(reading.hazards[0], reading.forecast.steps[0, 0])
        links = FORECASTER.course(reading_of(moments, reading)[0])[1]()
        came, wait = hazards(reading.outlook.first, links, np.full(5, 30.0))
        assert np.allclose(reading.hazards, came) and np.allclose(reading.distances, wait, equal_nan=True)


def test_a_forecaster_without_chains_is_followed_too_with_steps_as_if_independent():
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 5, size=(60, 3, 2)).astype(np.int16)
    plain = LinearForecaster(chains=False, penalty=1.0).fit(rng.standard_normal((60, 6)), Futures(NAMES, steps))
    _, seen = readings(monitor(forecaster=plain))
    assert np.allclose(seen[0].hazards[0], seen[0].forecast.steps[0, 0]) and (seen[0].hazards[1] <= 1).all()


def test_it_reads_again_every_so_many_tokens():
    _, seen = readings(monitor(every=7))
    tokens = [r.token for r in seen]
    assert max(np.diff(tokens)) <= 7 and any(r.reason == "tokens" for r in seen)
    assert [r for r in seen if r.reason != "tokens"][-1].evidence == readings(monitor())[1][-1].evidence


def test_rows_followed_together_are_what_they_are_alone():
    watching, subject = monitor(every=11), Writer(wander)
    together = list(watching.follow_many(subject, ["a", "b", "c"], seeds=[4, 5, 6], policy=POLICY))
    for row, seed in enumerate((4, 5, 6)):
        mine = [m.readings[row].to_json(full=True) for m in together if m.readings[row] is not None]
        assert mine == [r.to_json(full=True) for r in readings(watching, prompt="abc"[row], seed=seed)[1]]


def test_a_text_that_is_cut_off_does_not_count_as_ended():
    _, seen = readings(monitor(), policy=Policy(max_tokens=30))
    assert seen[-1].reason == "end" and "end" not in seen[-1].chain


def test_a_reading_is_json():
    for reading in readings(monitor(rules=[parse_rule("P(war within 2) > 0.2")]))[1]:
        assert json.loads(json.dumps(reading.to_json(full=True), allow_nan=False))["token"] == reading.token


def test_an_expected_text_raises_nothing_and_a_surprising_one_the_alarm():
    lost = Writer(wander)
    lost.noise = 0.5
    assert not any(r.alarms for seed in range(20) for r in readings(monitor(), seed=seed)[1])

    class Lying(Writer):
        """Its activations always announce rain."""

        def stream(self, prompts, **options):
            for step in super().stream(prompts, **options):
                read = {k: v * 0 + np.array([2.0, 0, 0, 0, 0, 0]) for k, v in step.activations.items()}
                yield replace(step, activations=read)

    _, seen = readings(monitor(), Lying(lambda p, s: ["food", "war"] * 4))
    raised = [a for r in seen for a in r.alarms]
    assert [a.kind for a in raised] == ["off-path"] and raised[0].value >= 100


def test_a_rule_is_raised_before_its_theme_begins_and_stop_ends_the_stream():
    rule = parse_rule("P(war next) > 0.5 then stop")
    subject = Writer(lambda p, s: ["food", "rain", "war", "food"])
    moments, seen = readings(monitor(rules=[rule]), subject)
    text = "".join(m.pieces[0] for m in moments)
    alarm = seen[-1].alarms[0]
    assert alarm.raised and alarm.rule == str(rule) and alarm.token == seen[-1].token
    assert not any(word in text for word in THEMES["war"]) and len(text) == alarm.token + 1


def test_a_row_that_was_stopped_says_no_more_while_others_go_on():
    rule = parse_rule("P(war next) > 0.5 then stop")
    subject = Writer(lambda prompt, seed: ["food", "rain", "war" if prompt == "a" else "food", "food", "rain", "food"])
    moments = list(monitor(rules=[rule]).follow_many(subject, ["a", "b"], seeds=[1, 1], policy=POLICY))
    stopped = next(n for n, m in enumerate(moments) if m.readings[0] is not None and m.readings[0].alarms)
    assert all(m.readings[0] is None for m in moments[stopped + 1 :]) and stopped < len(moments) / 2
    assert any(m.readings[1] is not None for m in moments[stopped + 1 :]) and moments[-1].pieces[0] == ""


def test_a_changed_subject_or_policy_gets_no_forecast_but_is_told_why():
    watching = monitor(subject="writer-1", policy=Policy(temperature=0.7))
    _, seen = readings(watching)
    assert all(r.forecast is None for r in seen) and "temperature" in seen[0].doubts[0]
    _, seen = readings(monitor(subject="another model"))
    assert all(r.forecast is None and r.evidence == 1.0 for r in seen) and "fitted on the subject" in seen[0].doubts[0]
    assert seen[-1].chain == (*wander("p", 1), "end"), "what is heard needs no forecast"


def test_activations_that_have_moved_say_do_not_trust_me():
    prompts = np.concatenate([next(iter(Writer(wander).stream(["p"], seeds=[s], capture=["site"]))).activations["site"]
                              for s in range(200)])  # fmt: skip
    watching = monitor(guard=Guard(Familiar.of(prompts), rate=0.01))
    assert not any(r.doubts for s in range(300, 330) for r in readings(watching, seed=s)[1])
    moved, kinds = Writer(wander, shift=3.0), []
    for seed in range(300, 360):
        _, seen = readings(watching, moved, seed=seed)
        kinds += [a.kind for r in seen for a in r.alarms]
        if "stale" in kinds:
            break
    assert "stale" in kinds and seen[0].forecast is None and "moved away" in seen[0].doubts[0]


def test_a_monitor_that_cannot_work_is_refused_at_once():
    with pytest.raises(InputError, match="did you mean"):
        monitor(rules=[parse_rule("P(wra within 2) > 0.1")])
    with pytest.raises(InputError, match="one of the two"):
        monitor(features=lambda *_: np.zeros(3))
    with pytest.raises(InputError, match="every"):
        monitor(every=-1)
    with pytest.raises(InputError, match="lengths"):
        monitor(lengths=np.ones(3))


def test_a_monitor_of_the_text_alone_asks_for_no_activations():
    def features(prompt: str, text: str, chain: tuple[str, ...]) -> np.ndarray:
        x = np.zeros(6)
        x[(list(THEMES).index(chain[-1]) + 1) % 3 if chain else 0] = 2.0
        return x

    class Blind(Writer):
        def stream(self, prompts, *, capture=(), **options):
            assert not capture
            return super().stream(prompts, **options)

    watching = monitor(site=None, features=features)
    _, seen = readings(watching, Blind(lambda p, s: ["rain", "war", "food"]))
    assert [NAMES[int(r.forecast.steps[0, 0].argmax())] for r in seen[:-1]] == ["rain", "war", "food"]
    assert watching.source == "text only"


# --- actions ---


def test_every_alarm_and_action_is_logged_and_survives_in_the_run(tmp_path):
    run, told = Run.create(tmp_path / "run", {}), []
    actions = Actions(log=log_into(run), notify=told.append, ask=lambda record: False, clock=lambda: 5.0)
    watching = monitor(rules=[parse_rule("P(war next) > 0.5 then notify, pause, ask")])
    actions.check(watching)
    _, seen = readings(watching, Writer(lambda p, s: ["food", "war", "food"], noise=0.1))
    wishes = [actions.perform(a, "c1") for r in seen for a in r.alarms]
    assert wishes == ["stop", "go on"] and len(told) == 1
    rows = Run.open(run.path).logged("alarms")
    assert [(r["action"], r["outcome"]) for r in rows] == [
        ("log", "raised"), ("notify", "told"), ("pause", "paused"), ("ask", "stopped"), ("log", "over")]  # fmt: skip
    assert {r["conversation"] for r in rows} == {"c1"} and rows[0]["time"] == 5.0


def test_a_broken_callback_or_log_never_reaches_the_stream():
    def broken(record):
        raise RuntimeError("no")

    actions = Actions(log=broken, notify=broken, ask=broken)
    _, seen = readings(
        monitor(rules=[parse_rule("P(war next) > 0.5 then notify, ask")]), Writer(wander, noise=0.1), seed=3
    )
    assert {actions.perform(a, "c") for r in seen for a in r.alarms if a.raised} == {"pause"}
    assert any("notify: RuntimeError" in f for f in actions.failures) and any("log:" in f for f in actions.failures)


def test_a_rule_that_wants_what_is_not_configured_is_refused():
    with pytest.raises(InputError, match="webhook"):
        Actions().check(monitor(rules=[parse_rule("P(war next) > 0.5 then webhook")]))


def test_a_webhook_gets_numbers_and_names_in_order():
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(302 if len(got) == 2 else 200)
            self.send_header("Location", "http://192.0.2.1/")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hook = Webhook(f"http://127.0.0.1:{server.server_port}/alarm")
    for n in range(3):
        hook.send({"n": n})
    hook.wait()
    server.shutdown()
    thread.join()
    server.server_close()
    assert [g["n"] for g in got] == [0, 1, 2] and (hook.sent, hook.failed) == (2, 1), "a redirect is not followed"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://10.0.0.1/x", "http://169.254.169.254/meta", "ftp://a/b",
                                 "http://user:word@127.0.0.1/", "http:///x", "http://0.0.0.0/x"])  # fmt: skip
def test_a_webhook_away_from_this_machine_is_refused_unless_allowed(url):
    with pytest.raises(InputError, match="webhook"):
        Webhook(url)
    if url == "http://10.0.0.1/x":
        assert Webhook(url, allow=["10.0.0.1"]).host == "10.0.0.1"


def test_a_webhook_that_does_not_answer_holds_nothing_up():
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook = Webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        began = time.monotonic()
        for n in range(1000):
            hook.send({"n": n})
        assert time.monotonic() - began < 2 and hook.dropped > 700
