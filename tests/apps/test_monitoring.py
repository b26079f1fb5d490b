"""A run's monitor from end to end on the bundled model, and what the command line refuses. The first is slow."""

import json
import re
import subprocess
import sys

import numpy as np
import openai
import pytest

from forepath.apps.proxy.start import Serving, read_rules, serve
from forepath.errors import InputError, RunError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from forepath.apps.demo import world_prompts
    from forepath.apps.monitoring import write_monitor
    from forepath.apps.pipeline import run as run_pipeline
    from forepath.apps.runs import open_run
    from forepath.apps.settings import Settings
    from forepath.records import Policy

    out = tmp_path_factory.mktemp("runs") / "small"
    settings = Settings("documents", samples=6, policy=Policy(max_tokens=48), horizon=2, prompts_per_item=16)
    run_pipeline(settings, world_prompts("documents", 64, seed=5), out)
    opened = open_run(out)
    write_monitor(opened, samples=2, every=12)
    return opened


@pytest.mark.slow
def test_a_run_is_monitored_saved_opened_and_served(run):
    from forepath.apps.monitoring import SOURCES, monitoring_text, open_monitor, write_monitor

    before = run.store.read_document("monitoring")
    write_monitor(run)
    assert run.store.read_document("monitoring") == before and run.store.verify() > 0
    assert "mid-text" in monitoring_text(run) and "false" not in json.dumps(before["transfers"])
    for source in SOURCES:
        monitor = open_monitor(run, source=source, rate=0.2)
        moments = list(
            monitor.follow(run.subject, "Simple lemon cake\nby Ruth Calloway\n\n", policy=run.settings.policy)
        )
        readings = [m.readings[0] for m in moments if m.readings[0] is not None]
        assert readings[0].reason == "prompt" and np.isclose(readings[0].forecast.steps.sum(axis=-1), 1).all()
        assert monitor.source == SOURCES[source]
    found = {(t["forecaster"], t["where"]): t["nats"]["value"] for t in before["transfers"]}
    where = next(w for name, w in found if w.startswith("sentence"))
    assert found["mid-text", where] < found["base rate", where]


@pytest.mark.slow
def test_the_command_serves_the_official_client_and_logs_alarms_into_the_run(run):
    words = ["serve", str(run.path), "--port", "0", "--rule", "P(end | other within 2) > 0.001 then notify"]
    code = "from forepath.apps.cli import main; main()"
    server = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)  # fmt: skip
    try:
        token = server.stdout.readline().strip().removeprefix("token: ")
        url = ""
        while not url:
            url = "".join(re.findall(r"base URL: (\S+) ", server.stderr.readline()))
        with openai.OpenAI(base_url=url, api_key=token) as client:
            prompt = "Simple lemon cake\nby Ruth Calloway\n\n"
            parts = list(client.completions.create(model="documents", prompt=prompt, seed=1, stream=True))
        assert "".join(p.choices[0].text for p in parts) and parts[-1].choices[0].finish_reason
    finally:
        server.kill()
        server.communicate()
    rows = run.store.logged("alarms")
    assert {(r["action"], r["outcome"]) for r in rows} >= {("log", "raised"), ("notify", "told")}
    run.store.verify()


def test_nothing_is_fitted_for_a_codebook_of_patterns(tiny, tiny_prompts, words, tmp_path, monkeypatch):
    from forepath.apps import monitoring
    from forepath.apps.pipeline import run as run_pipeline
    from forepath.apps.runs import open_run
    from forepath.apps.settings import Settings
    from forepath.records import Policy

    small = {"samples": 4, "policy": Policy(max_tokens=16), "horizon": 2, "prompts_per_item": 12}
    run_pipeline(Settings(str(tiny), codebook=str(words), **small), tiny_prompts, tmp_path / "run")
    opened = open_run(tmp_path / "run")

    def never(*_, **__):
        raise AssertionError("fitted")

    monkeypatch.setattr(monitoring, "training_texts", never)
    monitor = monitoring.open_monitor(opened)
    assert monitor.features is None and "subject" not in opened.__dict__
    with pytest.raises(AssertionError, match="fitted"):  # what reads words needs them
        monitoring.words_embedder(opened)


def test_rules_come_from_words_and_from_a_file(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text('["P(a next) > 0.5", {"themes": ["b"], "within": 2, "below": 0.1}]')
    rules = read_rules(Serving(tmp_path, rules=("P(c within 3) > 20 %",), rules_file=path))
    assert [str(r) for r in rules] == ["P(c within 3) > 0.2", "P(a next) > 0.5", "P(b within 2) < 0.1"]


@pytest.mark.parametrize("content", ["{", "{}", "[3]", '["P(a next) > 5"]', None])
def test_a_file_that_holds_no_rules_is_refused(tmp_path, content):
    path = tmp_path / "rules.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError):
        read_rules(Serving(tmp_path, rules_file=path))


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"upstream": "ftp://x"}, InputError),
        ({"upstream": "http://127.0.0.1:1", "source": "mid-text"}, InputError),
        ({"webhook": "http://10.0.0.1/"}, InputError),
        ({"rules": ("P(x)",)}, InputError),
        ({}, RunError),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_is_loaded(tmp_path, asked, error):
    with pytest.raises(error):
        serve(Serving(tmp_path / "none", **asked))
