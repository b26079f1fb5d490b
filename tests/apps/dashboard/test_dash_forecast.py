"""Frames, prompts and forecasts as the page gets them."""

import numpy as np
import pytest

from forepath.apps.dashboard.engine import Engine, Turns
from forepath.apps.dashboard.palette import on_dark


def test_the_frame_says_what_a_run_is_about(client, opened):
    frame = client.get("/api/runs/one").json()
    assert [t["name"] for t in frame["themes"]] == ["sea", "sky", "wood", "other", "end"]
    assert frame["site"] == opened.store.read_document("sweep")["site"] and frame["model"] == "cold"
    assert frame["prompts"] == 48 and frame["policy"] == "temperature 1, top-p 1, at most 32 tokens"


def test_a_forecast_is_the_run_s_own_beside_base_rates_and_what_was_written(client, opened):
    prompt = client.get("/api/runs/one/prompts", params={"q": "deims ", "limit": 5}).json()["prompts"][0]
    assert "deims " in prompt["text"]
    got = client.post("/api/runs/one/forecast", json={"prompt": prompt["text"]}).json()
    own = opened.forecast(prompt["text"])
    assert np.allclose(got["steps"], own.forecast.steps[0]) and got["source"] == own.source
    assert np.allclose(np.sum(got["base"], axis=1), 1)
    shares = got["written"]["steps"][0]
    assert 0 <= got["written"]["seen"][0] <= 6 and (shares[0] is None or abs(sum(shares) - 1) < 1e-9)
    total = sum(b["probability"] for b in got["tree"]) + got["rest"]
    assert abs(total - 1) < 1e-6
    assert got["written"]["fold"] == prompt["fold"]
    assert any("fitted or chosen on" in note for note in got["notes"]) == (prompt["fold"] != "test")


def test_a_prompt_of_one_s_own_has_nothing_written(client):
    assert client.post("/api/runs/one/forecast", json={"prompt": "baols baols"}).json()["written"] is None


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("one", {"prompt": ""}, 422, "empty"),
        ("one", {"prompt": "baols", "least": 2}, 422, "least"),
        ("one", {"prompt": "baols " * 200}, 422, "context"),
        ("one", {"prompt": "baols", "evil": 1}, 422, "evil"),
        ("nobody", {"prompt": "baols"}, 404, "nobody"),
    ],
)
def test_what_cannot_be_forecast_says_why(client, path, body, status, says):
    answer = client.post(f"/api/runs/{path}/forecast", json=body)
    assert answer.status_code == status and says in answer.json()["error"]


def test_a_body_that_cannot_be_read_is_a_problem_of_the_usual_form(client):
    answer = client.post("/api/runs/one/forecast", content=b"\xff{", headers={"content-type": "application/json"})
    unread = client.post(
        "/api/runs/one/forecast", content=b"\xf6\x00=", headers={"content-type": "multipart/form-data"}
    )
    missing = client.get("/api/nowhere")
    for got in (answer, unread, missing):
        assert got.status_code in (400, 404, 422) and set(got.json()) == {"error", "kind"}
    assert missing.json()["kind"] == "refused"


def test_a_model_is_warmed_in_the_background(client, opened):
    from dash_toys import until

    client.post("/api/runs/one/warm")
    frame = until(lambda: (f := client.get("/api/runs/one").json())["model"] in ("ready", "failed") and f)
    assert (frame["model"], frame["model_error"]) == ("ready", "")


def test_a_model_that_has_changed_is_said_to_have_failed(runs, keys, tiny):
    import json

    from dash_toys import client_of, until

    manifest = json.loads((runs / "one" / "run.json").read_text())
    manifest["config"]["subject"] = "somebody else"
    (runs / "one" / "run.json").write_text(json.dumps(manifest))
    with client_of(runs, keys) as client:
        client.post("/api/runs/one/warm")
        frame = until(lambda: (f := client.get("/api/runs/one").json())["model"] == "failed" and f)
        assert "somebody" in frame["model_error"]


def test_examples_are_of_their_theme(client, opened):
    examples = client.get("/api/runs/one/themes/1/examples").json()["examples"]
    assert examples and all("de" in e["text"] for e in examples)


def test_turns_are_taken_in_order():
    import threading

    from dash_toys import until

    turns, order, threads = Turns(), [], []

    def work(name):
        with turns.turn():
            order.append(name)

    with turns.turn():
        for name in "abcd":
            before = len(turns._waiting)
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            until(lambda before=before: len(turns._waiting) > before)
    for thread in threads:
        thread.join()
    assert "".join(order) == "abcd"


def test_a_subject_is_loaded_once_for_all_its_runs_and_forgotten_after_others(runs, monkeypatch):
    import shutil

    from forepath.apps.dashboard import engine as room
    from forepath.apps.runs import open_run

    shutil.copytree(runs / "one", runs / "two")
    engine = Engine()
    one, two = open_run(runs / "one"), open_run(runs / "two")
    assert engine.subject(one) is engine.subject(two)
    monkeypatch.setattr(room, "MOST_MODELS", 0)
    engine.subject(one)
    assert "subject" not in one.__dict__ and "subject" not in two.__dict__


def test_dark_hues_stay_apart_and_can_be_seen():
    import importlib.util
    from pathlib import Path

    from forepath.apps.colours import HUES

    spec = importlib.util.spec_from_file_location("hues", Path(__file__).parents[1] / "test_colours.py")
    tools = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tools)
    dark = [on_dark(h) for h in HUES]
    assert tools.nearest(dark) > 12

    def light(hue):
        rgb = np.array([int(hue[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    contrast = [(light(h) + 0.05) / (light("#191d20") + 0.05) for h in dark]
    assert min(contrast) >= 3  # WCAG 2.2, 1.4.11
    assert min((light(h) + 0.05) / (light("#191d20") + 0.05) for h in HUES) < 3  # the oracle can fail
