"""The whole job on the bundled model, small: every stage, the table, resuming after a kill, what must be refused."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forepath.apps.demo import world_prompts
from forepath.apps.labelling import observed_chain, read_fold_names, read_folds
from forepath.apps.pipeline import resume, run
from forepath.apps.results import ScoreTable
from forepath.apps.runs import open_run
from forepath.apps.settings import Settings
from forepath.errors import (
    CodebookError,
    InputError,
    MismatchError,
    PromptError,
    RunIncompleteError,
    SiteError,
    UnseenThemeError,
)
from forepath.records import Policy, Segment, Trajectory

SMALL = {"samples": 6, "policy": Policy(max_tokens=48), "horizon": 2, "world": "documents", "prompts_per_item": 16}
PROMPTS = 64


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "small"
    run(Settings("documents", **SMALL), world_prompts("documents", PROMPTS, seed=5), out)
    return open_run(out)


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a run that must not differ between two equal runs: the manifest and costs hold times."""
    skipped = {"run.json", "costs.json", ".lock"}
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file() and p.name not in skipped}


def test_every_row_of_the_table_is_there(finished):
    rows = finished.scores().to_json()["rows"]
    names = {r["forecaster"] for r in rows}
    site = finished.store.read_document("sweep")["site"]
    wanted = {f"linear@{site}", "base_rate", "markov", "tfidf", "logits", "shuffled", "random_weights", "ceiling",
              "exact", "mc@1", "mc@2", "mc@4", "mc_shrunk@1", "mc_shrunk@2", "mc_shrunk@4"}  # fmt: skip
    assert names == wanted
    assert {r["step"] for r in rows} == {1, 2}
    json.dumps(rows, allow_nan=False)


def test_the_forecast_beats_the_base_rate_and_the_controls_do_not_beat_it_by_much(finished):
    table = finished.scores()
    site = finished.store.read_document("sweep")["site"]
    ours, base, shuffled = (table.of(n, 1) for n in (f"linear@{site}", "base_rate", "shuffled"))
    assert ours.cross_entropy < base.cross_entropy
    assert shuffled.cross_entropy > base.cross_entropy - 0.1


def test_a_forecast_is_a_distribution_and_draws_itself(finished):
    forecast = finished.forecast("Simple lemon cake\nby Ruth Calloway\n\n")
    assert np.allclose(forecast.forecast.steps.sum(axis=-1), 1)
    assert 0.5 < sum(p for _, p in forecast.chains) <= 1 + 1e-9
    assert forecast.svg().startswith("<svg") and "<script" not in forecast.svg()
    assert set(forecast.to_pandas().columns) == {"step", "theme", "probability"}
    assert "%" in str(forecast)
    with pytest.raises(InputError, match="no/such/folder"):
        forecast.plot("/no/such/folder/tree.svg")
    with pytest.raises(InputError, match=r"ends in \.svg"):
        forecast.plot("tree.png")
    assert forecast.to_arrow().to_pandas().equals(forecast.to_pandas())
    for picture in (forecast.plot(), finished.scores().plot()):
        assert picture._repr_svg_().rstrip().endswith("</svg>")
    assert "linear@" in finished._repr_html_() and "documents" in repr(finished)
    assert len(finished.codebook_text().splitlines()) == len(finished.codebook.themes)


def test_no_prompt_is_in_two_folds_and_the_codebook_saw_training_texts_only(finished):
    folds = read_folds(finished.store, finished.settings)
    assert folds.where("train", "validation", "test").all()
    fold = read_fold_names(finished.store, finished.settings)
    texts = {t.text for g in finished.trajectories(prompts=PROMPTS, samples=6) for t in g
             if fold[t.prompt_id] != "train"}  # fmt: skip
    quoted = {e for theme in finished.codebook.themes for e in theme.examples}
    training = {t.text for g in finished.trajectories(prompts=PROMPTS, samples=6) for t in g
                if fold[t.prompt_id] == "train"}  # fmt: skip
    assert all(any(q in t for t in training) for q in quoted), texts


def test_doing_it_again_does_nothing_and_another_setting_is_refused(finished):
    before = contents(finished.path)
    resume(finished.path)
    assert contents(finished.path) == before
    with pytest.raises(Exception, match="another run"):
        run(Settings("documents", **{**SMALL, "samples": 7}), world_prompts("documents", PROMPTS, 5), finished.path)


def test_a_killed_run_resumes_to_the_identical_result(finished, tmp_path):
    out = tmp_path / "killed"
    script = (
        "from forepath.apps.pipeline import run; from forepath.apps.settings import Settings\n"
        "from forepath.apps.demo import world_prompts; from forepath.records import Policy\n"
        f"run(Settings('documents', **{SMALL!r}), world_prompts('documents', {PROMPTS}, 5), {str(out)!r})"
    )
    kills = 0
    for wanted in (4, 13, 19):  # commit records: in the middle of sampling, of labelling, before the forecaster
        worker = subprocess.Popen([sys.executable, "-c", script])
        while worker.poll() is None and len(list((out / "commit").glob("[!.]*.json"))) < wanted:
            time.sleep(0.01)
        if worker.poll() is None:
            os.kill(worker.pid, signal.SIGKILL)
            kills += 1
        worker.wait()
    assert kills == 3, "the runs were over before they could be killed"
    resume(out)
    assert contents(out) == contents(finished.path)


def test_a_run_without_scores_says_what_to_do(tmp_path):
    from forepath.store import Run

    store = Run.create(tmp_path / "r", {"settings": Settings("documents").to_json(), "subject": "x", "prompts": "y"})
    with pytest.raises(RunIncompleteError, match="forepath resume"):
        open_run(store.path).scores()


def test_a_changed_subject_is_refused(finished, tmp_path):
    from forepath.store import Run

    config = {**finished.store.config, "subject": "somebody else"}
    store = Run.create(tmp_path / "r", config)
    with pytest.raises(RunIncompleteError, match="same `forepath run` again"):
        resume(store.path)
    store.append("prompts", ["all"], finished.store.table("prompts"))
    with pytest.raises(MismatchError, match="somebody"):
        resume(store.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"samples": 1}, "at least 2"), ({"horizon": 0}, "at least 1"), ({"normalise": "maybe"}, "standardise"),
     ({"world": "mars"}, "documents"), ({"seed": -1}, "seed"), ({"policy": Policy(top_p=0)}, "top_p"),
     ({"policy": Policy(max_tokens=0)}, "token")],
)  # fmt: skip
def test_wrong_settings_are_refused_at_the_door(change, message):
    with pytest.raises(InputError, match=message):
        Settings("documents", **change)


def test_too_few_prompts_and_too_long_ones_are_refused(tmp_path):
    from forepath.apps.prompts import prompt_of

    with pytest.raises(PromptError, match="at least"):
        run(Settings("documents"), world_prompts("documents", 3, 0), tmp_path / "a")
    long = [prompt_of(f"{i} " + "word " * 900) for i in range(30)]
    with pytest.raises(PromptError, match="context"):
        run(Settings("documents"), long, tmp_path / "b")


def test_what_is_wrong_is_said_before_anything_is_written(tmp_path):
    prompts = world_prompts("documents", PROMPTS, 5)
    foreign = [replace(p, text="Dear diary, " + p.text) for p in prompts]
    broken = tmp_path / "codebook.json"
    broken.write_text("{")
    for change, given, error in (
        ({"sites": ("resid.99",)}, prompts, SiteError),
        ({"codebook": str(broken)}, prompts, CodebookError),
        ({}, foreign, PromptError),
    ):
        with pytest.raises(error):
            run(Settings("documents", **{**SMALL, **change}), given, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_given_codebook_names_the_themes(tmp_path):
    book = tmp_path / "themes.json"
    patterns = {"cooking": ["oven", "stir", "bake"], "opinion": ["stars", "rating", "points"]}
    book.write_text(json.dumps({"version": 1, "themes": [{"name": n, "patterns": p} for n, p in patterns.items()]}))
    small = {**SMALL, "samples": 4, "codebook": str(book)}
    out = run(Settings("documents", **small), world_prompts("documents", 40, 6), tmp_path / "out").path
    assert open_run(out).themes == ("cooking", "opinion", "other", "end")


def test_a_theme_that_follows_test_prompts_only_is_named(tmp_path, monkeypatch):
    from forepath.apps import pipeline
    from forepath.apps.labelling import Folds
    from forepath.records import futures_of
    from forepath.store import Prompt, Run

    chains = [[("calm", "end"), ("calm", "end")], [("threat", "end"), ("calm", "threat")], [("calm",), ("end",)]]
    futures = futures_of(chains, ("calm", "threat", "other", "end"), 2)
    prompts = tuple(Prompt(str(i), str(i)) for i in range(3))
    folds = Folds(prompts, np.array(["train", "test", "validation"]), futures)
    monkeypatch.setattr(pipeline, "read_folds", lambda store, settings: folds)
    store = Run.create(tmp_path / "r", {})
    given = Settings("documents", codebook="themes.json")
    with pytest.raises(UnseenThemeError, match=r"'threat' is in 2 samples .* resume .*--allow-unseen"):
        pipeline.check_seen(store, given)
    pipeline.check_seen(store, replace(given, allow_unseen=True))
    pipeline.check_seen(store, replace(given, codebook=None))
    seen = Folds(prompts, np.array(["test", "train", "validation"]), futures)
    monkeypatch.setattr(pipeline, "read_folds", lambda store, settings: seen)
    pipeline.check_seen(store, given)


def test_leave_to_run_code_is_never_taken_from_a_run():
    settings = Settings("documents", trust_remote_code=True)
    assert "trust_remote_code" not in settings.to_json()
    assert not Settings.from_json(settings.to_json()).trust_remote_code
    with pytest.raises(InputError, match="trust_remote_code"):
        Settings.from_json({**settings.to_json(), "trust_remote_code": True})


def test_infinite_is_not_could_not_judge(finished):
    raw = finished.scores().of("mc@1", 1)
    assert raw.cross_entropy == np.inf and raw.explained == -np.inf
    ceiling = finished.scores().of("ceiling", 1)
    assert np.isnan(ceiling.k_raw)
    assert "∞" in str(finished.scores()) and "-∞" in str(finished.scores())


def test_every_step_is_drawn_and_one_that_nobody_reached_is_said(finished):
    rows = [replace(r, step=step) for r in finished.scores().rows if r.step == 1 for step in (1, 2, 3, 4)]
    assert [a.get_title() for a in ScoreTable(rows)._figure().axes] == ["next theme", "step 2", "step 3", "step 4"]
    unreached = [replace(r, step=2, n_prompts=0) for r in rows if r.step == 1]
    assert str(ScoreTable(unreached)) == "step 2\nno text of a test prompt reached it"


def test_a_last_segment_cut_off_in_its_first_sentence_is_not_observed():
    segments = (Segment(0, 6, "a"), Segment(7, 10, "b"))
    cut = Trajectory("p/0", "s", "p", "", 0, (), "First. Sec", False, segments=segments)
    assert observed_chain(cut) == ("a",)
    whole = Trajectory("p/0", "s", "p", "", 0, (), "First. Sec.", False, segments=(segments[0], Segment(7, 11, "b")))
    assert observed_chain(whole) == ("a", "b")
