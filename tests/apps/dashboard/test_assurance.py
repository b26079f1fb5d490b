"""What stands beside a forecast: fitted once, kept in the run, the same when read again, and never waited for."""

import numpy as np
import pytest
from dash_toys import until

from forepath.apps.assurance import FOLDER, MEMBERS, assure, fit_assurance
from forepath.apps.dashboard.assuring import Assurances
from forepath.apps.labelling import read_folds
from forepath.apps.runs import open_run
from forepath.errors import RunCorruptError, RunIncompleteError
from forepath.records import Forecast
from forepath.store import Run


@pytest.fixture(scope="module")
def kept(finished, tmp_path_factory):
    """A run that keeps its assurance, and what was fitted."""
    import shutil

    path = tmp_path_factory.mktemp("assurance") / "one"
    shutil.copytree(finished, path)
    run = open_run(path)
    return run, assure(run)


def read(run):
    return run.store.arrays("activations", run.forecaster.origin.site)


def test_what_is_read_again_says_the_same(kept):
    run, made = kept
    x = read(run)[:7]
    again = assure(open_run(run.path))
    forecast = Forecast(run.forecaster.themes, run.forecaster.odds(x))
    assert len(again.ensemble.members) == MEMBERS and run.store.verify() > 0
    for one, other in zip(made.interval(x, forecast.steps), again.interval(x, forecast.steps), strict=True):
        assert np.array_equal(one, other)
    assert made.holding(forecast) == again.holding(forecast)
    assert np.array_equal(made.novelty.unlike(x), again.novelty.unlike(x))


def test_an_interval_holds_its_odds_and_is_as_wide_as_its_members_disagree(kept, monkeypatch):
    run, made = kept
    x = read(run)[:7]
    steps = run.forecaster.odds(x)
    low, high = made.interval(x, steps)
    assert ((low <= steps) & (steps <= high) & (low >= 0) & (high <= 1)).all()
    assert (high - low).mean() > 0.01
    monkeypatch.setattr(made.ensemble, "members", [run.forecaster] * 3)  # all agree
    low, high = made.interval(x, steps)
    assert np.abs(high - low).max() < 1e-9


def test_sets_are_calibrated_on_the_test_prompts_and_hold_the_likeliest(kept):
    run, made = kept
    folds = read_folds(run.store, run.settings)
    seen = (folds.of("test").steps[:, :, 0] >= 0).any(axis=1).sum()
    assert made.sets[0].prompts == seen and [s.step for s in made.sets] == [1, 2]
    forecast = Forecast(run.forecaster.themes, run.forecaster.odds(read(run)))
    for sets, odds in zip(made.holding(forecast), forecast.steps, strict=True):
        for themes, row in zip(sets, odds, strict=True):
            outside = set(range(len(row))) - set(themes)
            assert min((row[t] for t in themes), default=1) >= max((row[t] for t in outside), default=0)


def test_a_prompt_from_nowhere_is_strange(kept):
    run, made = kept
    x = read(run)
    assert made.novelty.unlike(x + 100 * x.std())[0] == 1.0
    assert np.median(made.novelty.unlike(x)) < 0.99


def test_a_torn_folder_is_said(kept, tmp_path):
    import shutil

    run, _ = kept
    shutil.copytree(run.path, tmp_path / "torn")
    (tmp_path / "torn" / FOLDER / "sets.json").write_text("[")
    with pytest.raises(RunCorruptError):
        assure(open_run(tmp_path / "torn"))


def test_without_a_forecaster_there_is_nothing_to_stand_beside(opened, tmp_path):
    store = Run.create(tmp_path / "bare", opened.store.config)
    with pytest.raises(RunIncompleteError):
        fit_assurance(open_run(store.path))


def test_while_the_run_is_written_it_is_kept_in_memory_only(opened):
    assurances = Assurances()
    with Run.open(opened.path).lock():
        assert assurances.of(opened)[1] == "fitting"
        until(lambda: assurances.of(opened)[1] != "fitting")
    assert assurances.of(opened)[1] == "ready" and assurances.why_not(opened) == ""
    assert not opened.store.has(FOLDER)


def test_what_cannot_be_fitted_is_said_once(opened, monkeypatch):
    from forepath.apps.dashboard import assuring as room

    monkeypatch.setattr(room, "assure", lambda run: 1 / 0)
    assurances = Assurances()
    until(lambda: assurances.of(opened)[1] == "none")
    assert "ZeroDivisionError" in assurances.why_not(opened)


def test_a_forecast_gets_its_company(client, opened):
    def asked():
        got = client.post("/api/runs/one/forecast", json={"prompt": "baols deuls koams"}).json()
        return got if got["assurance"] != "fitting" else None

    first = client.post("/api/runs/one/forecast", json={"prompt": "baols deuls koams"}).json()
    assert first["assurance"] == "fitting" and first["low"] is None and first["sets"] is None
    got = until(asked)
    steps, low, high = (np.array(got[k]) for k in ("steps", "low", "high"))
    assert got["assurance"] == "ready" and ((low <= steps) & (steps <= high)).all()
    assert len(got["sets"]) == 2 and 0 <= got["unlike"] <= 1 and opened.store.has(FOLDER)
    merged = client.post("/api/runs/one/forecast", json={"prompt": "baols", "overlay": True}).json()
    assert merged["low"] is None and merged["assurance"] == "none"
    strange = client.post("/api/runs/one/forecast", json={"prompt": "deuls " * 60}).json()
    assert any("unlike" in note for note in strange["notes"]) == (strange["unlike"] >= 0.99)
