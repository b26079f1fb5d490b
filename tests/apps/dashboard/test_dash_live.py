"""Conversations: what is written is what the subject writes; they can be paused, branched, and outlive a restart."""

import json
import threading

import pytest
from dash_toys import client_of, until

from forepath.apps.dashboard import living
from forepath.apps.dashboard.conversation import Conversation, Plan
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.journal import Journal, read_all
from forepath.apps.runs import open_run
from forepath.records import Policy

PROMPT = "baols deuls koams"


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture
def browser(runs, keys, engine):
    with client_of(runs, keys, engine=engine) as client:
        yield client


def begin(client, **settings):
    answer = client.post("/api/sessions", json={"run": "one", "prompt": PROMPT, "seed": 3, **settings})
    assert answer.status_code == 201, answer.json()
    return answer.json()["id"]


def whole(client, id):
    return client.get(f"/api/sessions/{id}").json()


def over(client, id, *states):
    return until(lambda: (s := whole(client, id))["state"] in (states or ("over", "failed", "stopped")) and s)


def text(session):
    return "".join(e["data"]["text"] for e in session["events"] if e["kind"] == "piece")


def kinds(session, *wanted):
    return [(e["kind"], e["data"]) for e in session["events"] if e["kind"] in wanted]


TEXT = ("piece", "heard", "settled", "reading", "alarm")


def test_what_is_written_is_what_the_subject_writes(browser, runs):
    done = over(browser, begin(browser))
    assert done["state"] == "over", done["why"]
    run = open_run(runs / "one")
    (step,) = [e["data"] for e in done["events"] if e["kind"] == "state"][-1:]
    assert step["state"] == "over" and "prompt ends" in done["source"]
    tokens = []
    for one in run.subject.stream([PROMPT], seeds=[3], policy=run.settings.policy):
        tokens += [t for t in one.tokens if t is not None]
    assert text(done) == run.subject.decode(tokens)
    assert [e["i"] for e in done["events"]] == list(range(len(done["events"])))
    first = next(d for k, d in kinds(done, "reading"))
    assert first["reason"] == "prompt" and len(first["steps"]) == 2 and abs(sum(first["steps"][0]) - 1) < 1e-3


def ledger(client):
    return client.get("/api/sessions/ledger", params={"run": "one"}).json()


def test_the_ledger_holds_what_was_forecast_against_what_came(browser, runs, keys, engine):
    before = ledger(browser)
    assert before["needed"] > 1 and [r["name"] for r in before["rivals"]] == ["base rate", "theme before"]
    done = [over(browser, begin(browser, seed=n)) for n in range(4)]
    settled = [d for one in done for _, d in kinds(one, "settled")]
    after = ledger(browser)
    assert after["forecasts"] - before["forecasts"] == len(settled) > 4
    assert after["texts"] - before["texts"] == sum(bool(kinds(one, "settled")) for one in done)
    assert after["rivals"][0]["skill"] is None and after["source"] == done[0]["source"]  # too few to say
    checked = 0
    for one in done:  # each is what the reading before it gave to the theme that was then heard
        asked, given = None, []
        for kind, data in kinds(one, "heard", "reading"):
            if kind == "heard" and asked is not None:
                given.append(asked[data["theme"]])
            asked = None if kind == "heard" else _odds(data, asked)
        told = [d["given"] for _, d in kinds(one, "settled") if d["theme"] != "end"]
        assert told[: len(given)] == pytest.approx(given, abs=1e-5)
        checked += len(given)
    assert checked > 3
    with client_of(runs, keys, engine=engine) as again:  # and a restart forgets nothing
        assert ledger(again) == after
        rows = [r["skill"] for r in ledger(again)["rivals"]]
        for n in range(4, 40):
            over(again, begin(again, seed=n))
            rows = [r["skill"] for r in ledger(again)["rivals"]]
            if None not in rows:
                break
        assert None not in rows and ledger(again)["texts"] == after["needed"]
    assert browser.get("/api/sessions/ledger", params={"run": "nobody"}).status_code == 404


def _odds(reading, before):
    """What is asked of the next sentence after this reading."""
    if "steps" not in reading or reading["reason"] == "tokens":
        return before
    names = reading["themes"]
    return dict(zip(names, reading["steps"][0], strict=True))


def test_a_text_that_is_gone_on_with_is_in_the_ledger_once(browser, runs, keys, engine):
    straight = over(browser, begin(browser, seed=11))
    total = ledger(browser)
    path = runs / "one" / "live" / f"{straight['id']}.jsonl"
    lines = path.read_text().splitlines()
    cut = [n for n, line in enumerate(lines) if '"settled"' in line][1]
    path.write_text("\n".join(lines[:cut]) + "\n")
    with client_of(runs, keys, engine=engine) as again:
        less = ledger(again)
        assert less["forecasts"] < total["forecasts"] and less["texts"] == total["texts"]
        again.post(f"/api/sessions/{straight['id']}/resume")
        done = over(again, straight["id"])
        now = ledger(again)
        assert kinds(done, *TEXT) == kinds(straight, *TEXT)
        assert (now["forecasts"], now["texts"]) == (total["forecasts"], total["texts"])


def test_a_conversation_waits_while_it_is_paused_and_goes_on_the_same(browser):
    straight = over(browser, begin(browser))
    id = begin(browser, pace=40)
    until(lambda: len(text(whole(browser, id))) > 3)
    assert browser.post(f"/api/sessions/{id}/pause").json()["state"] == "paused"
    threading.Event().wait(0.15)  # a step under way may still be told
    seen = len(text(whole(browser, id)))
    threading.Event().wait(0.3)
    assert len(text(whole(browser, id))) == seen < len(text(straight))
    browser.post(f"/api/sessions/{id}/resume")
    assert kinds(over(browser, id), *TEXT) == kinds(straight, *TEXT)


def test_stopping_stops_and_a_branch_begins_where_it_was_cut(browser):
    id = begin(browser, pace=20)
    until(lambda: len(text(whole(browser, id))) > 6)
    browser.post(f"/api/sessions/{id}/stop")
    stopped = over(browser, id)
    assert stopped["state"] == "stopped"
    cut = text(stopped)[:6]
    child = over(browser, browser.post(f"/api/sessions/{id}/branch", json={"at": 6}).json()["id"])
    assert child["prompt"] == PROMPT + cut and child["parent"] == id and child["seed"] == 4
    assert browser.post(f"/api/sessions/{id}/resume").json()["state"] == "stopped"  # there is no way back


def test_a_conversation_goes_on_after_the_server_was_killed(browser, runs, keys, engine):
    straight = over(browser, begin(browser))
    path = runs / "one" / "live" / f"{straight['id']}.jsonl"
    lines = path.read_text().splitlines()
    text_lines = [n for n, line in enumerate(lines) if '"piece"' in line]
    path.write_text("\n".join(lines[: text_lines[7]]) + "\n" + lines[text_lines[7]][:20])  # torn by the kill
    with client_of(runs, keys, engine=engine) as again:
        found = whole(again, straight["id"])
        assert found["state"] == "interrupted" and len(kinds(found, "piece")) == 7
        again.post(f"/api/sessions/{straight['id']}/resume")
        done = over(again, straight["id"])
        assert kinds(done, *TEXT) == kinds(straight, *TEXT)
        listed = again.get("/api/sessions", params={"run": "one"}).json()
        assert [s["id"] for s in listed] == [straight["id"]]
    with client_of(runs, keys, engine=engine) as third:  # what was written after the torn line is read, too
        assert kinds(whole(third, straight["id"]), *TEXT) == kinds(straight, *TEXT)


def test_when_the_server_ends_no_thread_goes_on_writing(runs, keys, engine):
    with client_of(runs, keys, engine=engine) as client:
        ids = [begin(client, pace=5), begin(client, pace=5, seed=4)]
        until(lambda: all(text(whole(client, id)) for id in ids))
        client.post(f"/api/sessions/{ids[1]}/pause")
    assert not {t.name for t in threading.enumerate()} & set(ids)
    with client_of(runs, keys, engine=engine) as again:
        assert {whole(again, id)["state"] for id in ids} == {"interrupted"}


def test_another_text_than_before_the_restart_is_an_error(browser, runs, keys, engine):
    id = over(browser, begin(browser))["id"]
    path = runs / "one" / "live" / f"{id}.jsonl"
    kept = []
    for line in path.read_text().splitlines()[:8]:
        event = json.loads(line)
        if event.get("kind") == "piece":
            event["data"]["text"] = "other words "
        kept.append(json.dumps(event))
    path.write_text("\n".join(kept) + "\n")
    with client_of(runs, keys, engine=engine) as again:
        again.post(f"/api/sessions/{id}/resume")
        failed = over(again, id)
        assert failed["state"] == "failed" and "another text" in failed["why"]


def test_a_rule_raises_its_alarm_is_logged_and_pauses(browser, runs):
    id = begin(browser, rules=["P(sea | sky | wood | other | end within 2) > 0.01 then pause"])
    paused = over(browser, id, "paused", "failed")
    assert paused["state"] == "paused", paused["why"]
    alarm = kinds(paused, "alarm")[0][1]
    assert alarm["raised"] and alarm["actions"] == ["pause"]
    rows = open_run(runs / "one").store.logged("alarms")
    kept = {(r["action"], r["outcome"]) for r in rows if r["conversation"] == id}
    assert kept == {("log", "raised"), ("pause", "paused")}
    assert [(d["action"], d["outcome"]) for _, d in kinds(paused, "log")] == [("log", "raised"), ("pause", "paused")]
    browser.post(f"/api/sessions/{id}/resume")
    assert over(browser, id)["state"] == "over"


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [({"rules": ["nonsense"]}, 422, "no rule"), ({"rules": ["P(nobody next) > 0.5"]}, 422, "nobody"),
     ({"prompt": ""}, 422, "prompt"), ({"run": "nobody"}, 404, "nobody"), ({"tokens": 0}, 422, "tokens")],
)  # fmt: skip
def test_what_cannot_be_begun_says_why(browser, change, status, says):
    answer = browser.post("/api/sessions", json={"run": "one", "prompt": PROMPT, **change})
    assert answer.status_code == status and says in answer.json()["error"]


def test_what_goes_wrong_while_writing_ends_the_conversation_and_says_so(browser):
    done = over(browser, begin(browser, tokens=4096))
    assert done["state"] == "failed" and "context" in done["why"]
    hot = over(browser, begin(browser, temperature=0.5))
    reading = kinds(hot, "reading")[0][1]
    assert "temperature" in reading["doubts"][0] and "steps" not in reading


def test_no_more_are_written_at_once_than_the_machine_can_bear(browser, monkeypatch):
    monkeypatch.setattr(living, "MOST_RUNNING", 1)
    id = begin(browser, pace=5)
    refused = browser.post("/api/sessions", json={"run": "one", "prompt": PROMPT})
    assert refused.status_code == 422 and "stop one" in refused.json()["error"]
    browser.post(f"/api/sessions/{id}/stop")
    over(browser, begin(browser))


def test_a_forecast_is_not_held_by_texts_being_written(browser):
    ids = [begin(browser, seed=n, tokens=40) for n in range(4)]
    assert browser.post("/api/runs/one/forecast", json={"prompt": "baems"}).status_code == 200
    assert {over(browser, id)["state"] for id in ids} == {"over"}


def test_conversations_side_by_side_do_not_touch_each_other(browser):
    alone = [text(over(browser, begin(browser, seed=n))) for n in range(3)]
    ids = [begin(browser, seed=n) for n in range(3)]
    assert [text(over(browser, id)) for id in ids] == alone


def test_a_disk_that_cannot_be_written_does_not_end_the_text(tmp_path):
    journal = Journal(tmp_path / "no" / "such" / "run", "x")
    journal.write({"a": 1})
    assert not journal.kept
    told = []
    one = Conversation("x", Plan("r", "p", 0, Policy()), journal, told.append)
    one._add("piece", {"text": "a"})
    assert one.text == "a" and told and list(read_all(tmp_path)) == []


def test_a_conversation_whose_beginning_is_damaged_is_left_out(browser, runs, keys, engine):
    id = over(browser, begin(browser))["id"]
    path = runs / "one" / "live" / f"{id}.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[1:]) + "\n")
    with client_of(runs, keys, engine=engine) as again:
        assert again.get(f"/api/sessions/{id}").status_code == 404
        assert over(again, begin(again))["state"] == "over"


def test_a_slow_pace_keeps_nobody_waiting(browser):
    id = begin(browser, pace=0.05)
    until(lambda: kinds(whole(browser, id), "reading"))
    browser.post(f"/api/sessions/{id}/stop")
    assert over(browser, id)["state"] == "stopped"
    thread = next((t for t in threading.enumerate() if t.name == id), None)
    assert thread is None or (thread.join(5), not thread.is_alive())[1]


def test_when_the_server_ends_nothing_is_being_warmed(runs, keys):
    engine, began, ended = Engine(), threading.Event(), []

    def slow(run, shaped):
        began.set()
        threading.Event().wait(0.3)
        ended.append(run)

    engine.also.append(slow)
    with client_of(runs, keys, engine=engine) as client:
        client.post("/api/runs/one/warm")
        began.wait(60)
    assert len(ended) == 1 and engine.also == []
    assert not [t for t in threading.enumerate() if t.name == "warm"]
