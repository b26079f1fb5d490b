"""The whole judgement of a small run: what is in it, that it goes on where it was, what is told at the top."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from small_judge import QUICK

from forepath.apps.judging import rivals
from forepath.apps.judging.case import Options
from forepath.apps.judging.verdict import judge
from forepath.apps.results import JSON_FIELDS
from forepath.apps.runs import open_run
from forepath.errors import InputError, RunIncompleteError
from forepath.forecasters.linear import LinearForecaster
from forepath.store import Run


def rows_of(judgement):
    return {(r["forecaster"], r["step"]): r for r in judgement.data["rows"]}


def test_every_row_has_the_fields_of_score_and_none_is_dropped_silently(judged):
    data = judged[1].to_json()
    assert all(tuple(row) == JSON_FIELDS for row in data["rows"])
    names = {r["forecaster"] for r in data["rows"]}
    scored = {r["forecaster"] for r in open_run(judged[0]).scores().to_json()["rows"]}
    assert scored <= names
    assert {"ridge", "lda", "layers", "length", "markov_variable", "fusion@4", "cheat@4"} <= names
    reasons = {r["forecaster"]: r["reason"] for r in data["missing"]}
    assert {"mc@16", "mc_shrunk@32", "cheat@16", "exact", "retrofit", "shift: paraphrase"} <= set(reasons)
    assert "pip install" in reasons["retrofit"] and "world" in reasons["exact"]
    json.dumps(data, allow_nan=False)


def test_as_many_samples_as_were_drawn_are_judged_by_new_ones(judged):
    """Of 6 samples a prompt 8 cannot forecast and 2 judge; with 6 new ones they can."""
    data = judged[1].data
    rows = {(r["forecaster"], r["step"]): r for r in data["rows"]}
    few, many = rows["mc_shrunk@4", 1], rows["mc_shrunk@8", 1]
    assert 0 < many["n_prompts"] <= min(64, few["n_prompts"])
    assert np.isfinite(many["cross_entropy"]) and many["k_raw"] > 3
    assert {("mc@8", 1), ("fusion@8", 1)} <= set(rows)
    tests = {(t["other"], t["step"]): t for t in data["tests"]}
    assert tests["mc_shrunk@8", 1]["n_prompts"] == many["n_prompts"]
    assert not {r["forecaster"] for r in data["missing"]} & {"mc@8", "mc_shrunk@8"}


def test_the_rows_that_score_has_too_are_the_same(judged):
    """Judged again from kept odds (32 bits), by the same samples."""
    ours, theirs = rows_of(judged[1]), open_run(judged[0]).scores().to_json()["rows"]
    for row in theirs:
        for field in ("cross_entropy", "low", "explained", "brier"):
            if row[field] is not None:
                assert ours[row["forecaster"], row["step"]][field] == pytest.approx(row[field], abs=2e-5), row


def test_judging_again_fits_nothing_and_says_the_same(judged, monkeypatch):
    monkeypatch.setattr(rivals, "_MAKERS", QUICK)
    fits = []
    plain = LinearForecaster.fit
    monkeypatch.setattr(LinearForecaster, "fit", lambda self, *a: fits.append(1) or plain(self, *a))
    options = Options(seeds=2, by="author", budget=50.0)
    assert judge(judged[0], options).data == judged[1].data
    assert len(fits) <= 1  # the one that is not kept: fitted to the training prompts only
    assert open_run(judged[0]).store.read_document("judgement") == judged[1].data
    Run.open(judged[0]).verify()


def test_a_killed_judge_goes_on_to_the_identical_result(judged, fresh, monkeypatch):
    monkeypatch.setattr(rivals, "_MAKERS", QUICK)
    done = []

    def stop(stage, number, total, note=""):
        done.append(stage)
        if stage == "new: temperature 0.5" and number:
            raise KeyboardInterrupt

    options = Options(seeds=2, by="author", budget=50.0)
    with pytest.raises(KeyboardInterrupt):
        judge(fresh, options, report=stop)
    assert "leave-group-out" in done and not Run.open(fresh).has("judgement")
    again = judge(fresh, options).data
    timed = {"run", "costs"}
    assert {k: v for k, v in again.items() if k not in timed} == {
        k: v for k, v in judged[1].data.items() if k not in timed
    }


def test_shifts_keep_the_forecast_and_move_the_truth(judged):
    shifts = {(r["shift"], r["forecaster"], r["step"]): r for r in judged[1].data["shifts"]}
    names = {name for name, _, _ in shifts}
    assert names == {"temperature 0.5", "temperature 1.5", "ending", "longer context", "leave-group-out (author)"}
    cold = shifts["temperature 0.5", "ceiling", 1]
    assert cold["cross_entropy"] < cold["before"]  # a colder subject is more certain
    hot = shifts["temperature 1.5", "ceiling", 1]
    assert hot["cross_entropy"] > hot["before"]


def test_tests_are_adjusted_together_and_the_base_rate_is_beaten_by_nobody_that_is_shuffled(judged):
    tests = judged[1].data["tests"]
    assert all(r["q"] is None or r["q"] >= r["p"] - 1e-12 for r in tests)
    assert {(r["one"], r["other"]) for r in tests} >= {("shuffled", "base_rate"), (judged[1].data["main"], "logits")}


def test_the_text_fits_100_columns_and_the_page_fetches_nothing(judged):
    text, page, markdown = str(judged[1]), judged[1].html(), judged[1].markdown()
    assert max(map(len, text.splitlines())) <= 100
    assert "THE NEXT THEME" in text and "Can fool you" in text
    assert page.count("<svg") >= 6 and "<script" not in page
    assert not re.search(r"(?:src|href)\s*=|url\(|@import", page)
    assert markdown.count("\n## ") >= 10 and "| forecaster |" in markdown


def test_hostile_names_stay_text(judged):
    evil = "<script>alert(1)</script>\x1b[2J|`x`"
    data = json.loads(json.dumps(judged[1].data))
    data["subject"], data["notes"] = evil, [evil]
    data["groups"][0]["group"] = data["calibration"]["curves"][1]["theme"] = evil
    data["missing"][0]["reason"] = evil
    hostile = replace(judged[1], data=data)
    assert "<script" not in hostile.html() and "\x1b" not in hostile.html()
    assert "\x1b" not in str(hostile)
    assert "<script" not in hostile.markdown() and "\\|\\`x" in hostile.markdown()


def test_a_run_that_is_not_scored_and_options_that_make_no_sense_are_refused(fresh, tmp_path):
    with pytest.raises(InputError, match="at least 2"):
        Options(seeds=1)
    with pytest.raises(InputError, match="budget"):
        Options(budget=-1)
    with pytest.raises(InputError, match="no such column; there are: author"):
        judge(fresh, Options(by="book", seeds=2, budget=0))
    with pytest.raises(InputError, match="--without liner: what can be left out is chain"):
        judge(fresh, Options(without=("liner",), seeds=2, budget=0))
    poor = {r["forecaster"]: r["reason"] for r in judge(fresh, Options(by="author", seeds=2, budget=0)).data["missing"]}
    assert "--budget MINUTES" in poor["mc_shrunk@8"] and "do not do either" in poor["mc@16"]
    (fresh / "commit" / "scores.json").unlink()
    with pytest.raises(RunIncompleteError, match="scores"):
        judge(fresh, Options())
