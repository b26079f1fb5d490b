"""What moved between two runs, and between two prompts, as the page gets it: the rows of `forepath compare`."""

import math

import pytest
from dash_toys import client_of

from forepath.apps.comparing import compare_runs
from forepath.apps.contrasting import compare_prompts
from forepath.apps.intervening import intervene
from forepath.apps.runs import open_run
from forepath.errors import InputError, MismatchError
from forepath.store import Run
from forepath.subjects.interventions import making

SEA = 3  # the number of a word that begins with "ba"
PROMPT = "baols deuls koams"


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """The run, and the run again with the model steered towards one word."""
    import shutil

    folder = tmp_path_factory.mktemp("compare")
    shutil.copytree(finished, folder / "one")
    base = open_run(folder / "one")
    toward = base.subject.model.lm_head.weight.detach().numpy()[SEA + 30]
    intervene(base, making.add("resid.2", toward, coefficient=2.0), folder / "two")
    return folder


@pytest.fixture
def browser(folder, keys):
    with client_of(folder, keys) as client:
        yield client


def rows(got):
    return {e["measure"]: e for section in got["sections"] for e in section["effects"]}


def test_two_runs_are_compared_as_on_the_command_line(folder, browser):
    got = browser.get("/api/compare", params={"before": "one", "after": "two"}).json()
    own = compare_runs(open_run(folder / "one"), open_run(folder / "two"), fluency=False)
    shown = {s["name"]: [e["measure"] for e in s["effects"]] for s in got["sections"]}
    assert shown["moved"] and shown["moved"] == [e.measure for e in own.moved if e.kind != "guard"]
    for measure, row in rows(got).items():
        wanted = own.of(measure)
        assert (row["moved"], row["same"], row["n"]) == (wanted.moved, wanted.same, wanted.n)
        for field in ("before", "after", "shift", "low", "high", "q", "margin"):
            number = getattr(wanted, field)
            assert row[field] == (None if math.isnan(number) else number)
    assert {"guard: tokens", "guard: variety"} <= set(rows(got)) and got["unit"] == "prompts"
    assert "add" in got["change"] and got["doubts"] == list(own.doubts) and got["examples"]


def test_a_run_under_an_intervention_is_finished_without_a_forecaster(browser):
    rows = {r["id"]: r for r in browser.get("/api/runs").json()}
    assert (rows["two"]["state"], rows["two"]["command"]) == ("finished", None)
    assert rows["two"]["cross_entropy"] is None and rows["one"]["cross_entropy"] is not None


def test_a_run_beside_itself_did_not_move(browser):
    got = browser.get("/api/compare", params={"before": "one", "after": "one"}).json()
    assert not any(e["moved"] for e in rows(got).values())
    assert {e["shift"] for e in rows(got).values()} <= {0.0, None}


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [({"after": "nobody"}, 404, "nobody"), ({"margin": 0}, 422, "margin"), ({"rate": 1}, 422, "rate")],
)
def test_what_cannot_be_compared_says_why(browser, asked, status, says):
    answer = browser.get("/api/compare", params={"before": "one", "after": "two", **asked})
    assert answer.status_code == status and says in answer.json()["error"]


def test_runs_of_two_codebooks_are_refused(runs, keys, folder):
    base = open_run(folder / "one")
    book = base.store.read_document("codebook")
    book["themes"][0]["name"] = "lake"
    store = Run.create(runs / "other", base.store.config)
    with store.lock():
        store.write_document("codebook", book)
    with client_of(runs, keys) as client:
        answer = client.get("/api/compare", params={"before": "one", "after": "other"})
        asked = {"before": {"run": "one", "prompt": PROMPT}, "after": {"run": "other", "prompt": PROMPT}}
        sampled = client.post("/api/compare", json=asked)
    assert (answer.status_code, sampled.status_code) == (409, 409) and "codebook" in answer.json()["error"]


def test_two_models_are_sampled_from_one_prompt(folder, browser):
    asked = {"before": {"run": "one", "prompt": PROMPT}, "after": {"run": "two", "prompt": PROMPT}, "samples": 48}
    got = browser.post("/api/compare", json=asked).json()
    assert got["unit"] == "texts" and got["prompts"] == 48 and "over texts" in got["rules"]
    assert any(e["moved"] and e["kind"] == "theme" for e in rows(got).values()), "the steering is in force"
    assert not any("Only" in doubt for doubt in got["doubts"])
    same = browser.post("/api/compare", json={**asked, "after": asked["before"]}).json()
    assert not any(e["moved"] for e in rows(same).values())


def test_without_its_intervention_the_second_run_would_not_have_moved(folder, monkeypatch):
    from forepath.apps import contrasting as room

    monkeypatch.setattr(room, "intervention_of", lambda run: None)
    one, two = open_run(folder / "one"), open_run(folder / "two")
    assert not any(e.kind == "theme" for e in compare_prompts((one, PROMPT), (two, PROMPT), samples=48).moved)


def test_too_few_texts_say_nothing(folder):
    one = open_run(folder / "one")
    with pytest.raises(InputError, match="at least 30"):
        compare_prompts((one, PROMPT), (one, PROMPT), samples=29)


def test_prompts_of_two_codebooks_are_refused(folder, monkeypatch):
    from types import SimpleNamespace

    one, two = open_run(folder / "one"), open_run(folder / "two")
    two.__dict__["codebook"] = SimpleNamespace(id="another")
    with pytest.raises(MismatchError):
        compare_prompts((one, PROMPT), (two, PROMPT))
