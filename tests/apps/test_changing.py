"""intervene, compare and sweep on a model made in the test, from the command line's functions to the files."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from forepath.apps import deciding, mapping
from forepath.apps.cli import app
from forepath.apps.comparing import compare_runs, intervention_of, labelled
from forepath.apps.deciding import decide_change
from forepath.apps.intervening import intervene, reference_texts
from forepath.apps.mapping import map_heads
from forepath.apps.pipeline import resume, run
from forepath.apps.runs import open_run
from forepath.apps.settings import Settings
from forepath.effects.realigning import Transfer
from forepath.errors import InputError, InterventionError, MismatchError, RunIncompleteError
from forepath.records import Policy
from forepath.stats.bootstrap import Estimate
from forepath.store import Run
from forepath.subjects.interventions import making

SMALL = {"samples": 4, "policy": Policy(max_tokens=16, stop=("w4", "w5")), "horizon": 1, "prompts_per_item": 24}


@pytest.fixture(scope="module")
def base(tiny, tiny_prompts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("changing")
    themes = [{"name": f"t{d}", "description": f"words with {d}", "patterns": [rf"\bw{d}"]} for d in (1, 2, 3)]
    (folder / "words.json").write_text(json.dumps({"version": 1, "themes": themes}))
    run(Settings(str(tiny), codebook=str(folder / "words.json"), **SMALL), tiny_prompts, folder / "base")
    return open_run(folder / "base")


@pytest.fixture(scope="module")
def changed(base):
    """Steered towards one word."""
    toward = base.subject.model.lm_head.weight.detach().numpy()[30]
    change = making.add("resid.2", toward, coefficient=1.5)
    intervene(base, change, base.path.parent / "changed")
    return open_run(base.path.parent / "changed")


def forepath(*words):
    done = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=True)
    return done


def test_the_same_prompts_and_seeds_are_sampled_under_the_change(base, changed):
    before, after = labelled(base), labelled(changed)
    assert [(t.id, t.seed, t.prompt) for t in before] == [(t.id, t.seed, t.prompt) for t in after]
    assert {t.intervention for t in before} == {None} and {t.intervention.kind for t in after} == {"add"}
    assert changed.codebook.id == base.codebook.id
    (counts,) = changed.store.read_document("touches")
    assert counts["prompt_positions"] == 48 * 3 and counts["written_positions"] > 0
    shards = list((changed.path / "data").glob("activations-*"))
    assert shards, "the prompts' activations under the change are kept: a forecast can be read on them"


def test_it_goes_on_where_it_was_stopped_and_refuses_another_change(base, changed):
    before = {p: p.read_bytes() for p in changed.path.rglob("*") if p.is_file()}
    change = changed.store.config["intervention"]
    from forepath.records import Intervention

    intervene(base, Intervention(**change), changed.path)
    assert {p: p.read_bytes() for p in changed.path.rglob("*") if p.is_file()} == before
    with pytest.raises(Exception, match="another run"):
        intervene(base, making.ablate("head:1.0"), changed.path)
    with pytest.raises(RunIncompleteError, match="same `forepath intervene` again"):
        resume(changed.path)


def test_a_change_that_cannot_be_made_writes_nothing(base, tmp_path):
    with pytest.raises(InterventionError, match="heads 0 to 1"):
        intervene(base, making.ablate("head:1.7"), tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_the_comparison_finds_what_was_steered(base, changed):
    c = compare_runs(base, changed, targets=["end"])
    end = c.of("theme: end")
    assert end.moved and end.shift < -0.5, "a text that says w30 for ever does not come to w4"
    assert c.of("guard: repeated phrases").moved and any("broken" in doubt for doubt in c.doubts)
    assert c.of("guard: surprise").shift > 0, "steered text is less likely to the base model"
    assert not compare_runs(base, base, fluency=False).moved
    by = compare_runs(base, changed, fluency=False, by="author")
    assert any(e.kind == "group" for e in by.effects)
    with pytest.raises(InputError, match="not a column"):
        compare_runs(base, changed, by="mood")


def test_runs_of_two_codebooks_are_not_compared(base, tiny, tiny_prompts, tmp_path):
    book = tmp_path / "other.json"
    book.write_text(
        json.dumps({"version": 1, "themes": [{"name": "t1", "patterns": [r"w4"]}, {"name": "b", "patterns": ["w5"]}]})
    )
    run(Settings(str(tiny), codebook=str(book), **{**SMALL, "samples": 2}), tiny_prompts[:24], tmp_path / "r")
    with pytest.raises(MismatchError, match="codebook"):
        compare_runs(base, open_run(tmp_path / "r"))


def test_what_could_not_be_labelled_is_counted(base, changed, monkeypatch):
    failed = {labelled(changed)[0].id}
    table = type(changed.store).table

    def one_failed(self, family, *args, **options):
        found = table(self, family, *args, **options)
        if family.startswith("unlabelled"):
            import pyarrow as pa

            return pa.table({"trajectory": sorted(failed)})
        return found

    monkeypatch.setattr(Run, "table", one_failed)
    c = compare_runs(replace_store(base), changed, fluency=False)
    assert {e.unmeasured for e in c.effects if e.kind == "theme"} == {2}


def replace_store(opened):
    return open_run(opened.path)


def test_the_command_line(base, changed, tmp_path):
    json_out = forepath("compare", base.path, changed.path, "--json", "--no-fluency", "--html", tmp_path / "a.html",
                        "--picture", tmp_path / "a.png")  # fmt: skip
    assert json_out.exit_code == 0, json_out.output
    rows = json.loads(json_out.stdout)["effects"]
    assert set(rows[0]) == {"measure", "shift", "low", "high", "q", "moved", "same", "n", "unmeasured"}
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>") and (tmp_path / "a.png").exists()
    text = forepath("compare", base.path, changed.path, "--no-fluency", "--target", "end").stdout
    assert text.startswith("# ") and "add resid" in text.splitlines()[0] and "was meant to: end" in text
    out = tmp_path / "head"
    done = forepath("intervene", base.path, "--ablate", "head:1.0", "--ablate", "mlp:2", "--how", "mean", "--out", out)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip().splitlines()[-1] == str(out)
    given = open_run(out).store.config["intervention"]
    assert given["kind"] == "sequence" and [p["site"] for p in given["params"]["parts"]] == ["head:1.0", "mlp:2"]
    (tmp_path / "plus.txt").write_text("w30 w31\nw32\n")
    (tmp_path / "minus.txt").write_text("w10 w11\n")
    texts = ("--toward", tmp_path / "plus.txt", "--away", tmp_path / "minus.txt", "--strength", "3")
    done = forepath("intervene", base.path, "--add", "resid.1", *texts, "--prefix", "w9 ", "--out", tmp_path / "x")
    assert done.exit_code == 0, done.output
    words = (
        "--change",
        "actadd resid.1 positive='w30 w31' negative=w9 coefficient=2",
        "--change",
        "policy temperature=0.5",
    )
    done = forepath("intervene", base.path, *words, "--out", tmp_path / "told")
    assert done.exit_code == 0, done.output
    assert [p.kind for p in intervention_of(open_run(tmp_path / "told")).parts] == ["actadd", "policy"]
    (tmp_path / "change.json").write_text(json.dumps({"kind": "quantise", "params": {"bits": 3}}))
    done = forepath("intervene", base.path, "--file", tmp_path / "change.json", "--out", tmp_path / "rounded")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "nothing to change"),
        (("--add", "resid.1"), "--toward FILE and --away FILE"),
        (("--change", "quantise bit=4"), "quantise takes bits"),
        (("--file", "/nowhere.json"), "holds no intervention"),
        (("--ablate", "head:1.0", "--how", "mean", "--texts", "/nowhere.txt"), "cannot be read"),
    ],
)
def test_wrong_words_are_named(base, words, says, tmp_path):
    done = forepath("intervene", base.path, *words, "--out", tmp_path / "never")
    assert isinstance(done.exception, InputError) and re.search(says, str(done.exception))
    assert not (tmp_path / "never").exists()


def test_the_map_foretells_every_head_and_reads_only_what_it_checked(base, tmp_path, monkeypatch):
    shown = forepath("sweep", base.path, "--prompts", "20", "--picture", tmp_path / "map.svg")
    assert shown.exit_code == 0 and "head:1.0" in shown.stdout and (tmp_path / "map.svg").exists()
    assert re.search(r"Sampling 4 texts of every prompt instead would take about \d+\.\d min", shown.stdout)
    rows = json.loads(forepath("sweep", base.path, "--prompts", "20", "--json").stdout)["rows"]
    assert len(rows) == 4 and {len(r["shift"]) for r in rows} == {len(base.themes)}
    seen = [r for r in rows if r["seen"]]
    assert seen and all(r["refused"] == (r["lost"] > 0.1) for r in seen)
    some = map_heads(base, prompts=20, check=1)
    assert len(some.lost) == 1 and "unchecked" in str(some)
    assert "not checked on samples" in str(map_heads(base, prompts=20, check=0))
    monkeypatch.setattr(mapping, "TOLERANCE", -1.0)
    none = map_heads(base, prompts=20)
    assert len(none.found.refused) == len(seen) and np.isnan(none.found.shift).all() and not none.found.unseen[2:]
    assert "may not be read" in str(none) and all(
        r["shift"] == dict.fromkeys(base.themes) for r in none.to_json()["rows"]
    )


def test_a_check_forgives_that_its_texts_are_cut_shorter_than_the_runs(base, monkeypatch):
    nothing = making.add("resid.0", np.full(16, 1e-6))
    monkeypatch.setattr(mapping, "every_head", lambda _: [nothing])
    monkeypatch.setattr(mapping, "TOKENS", 3)
    found = map_heads(base, prompts=20)
    (lost,) = found.lost.values()
    assert max(abs(lost.low), abs(lost.high)) < 1e-4 and not found.found.refused


def test_reference_texts_are_of_the_run(base):
    texts = reference_texts(base)
    assert len(texts) == 48 and all(t.startswith("w") for t in texts)
    assert replace(labelled(base)[0], segments=()).text in texts[0]


def test_what_the_forecaster_foretells_stands_beside_what_was_sampled(base, tmp_path):
    from forepath.apps.foretelling import Foretold, foretell

    intervene(base, making.add("resid.0", np.ones(16)), tmp_path / "early")  # before whatever site was chosen
    changed = open_run(tmp_path / "early")
    found = foretell(base, changed)
    assert isinstance(found, Foretold) and found.foreseen.prompts == found.transfer.prompts > 5
    assert found.foreseen.shift.shape == found.sampled.shape and -1 <= found.rank <= 1
    fresh, stale = (str(replace(found, transfer=replace(found.transfer, lost_before=Estimate(lost, lost, lost))))
                    for lost in (0.02, 0.3))  # fmt: skip
    assert "may be read" in fresh and "Rank correlation" in fresh and "| step 1: " in fresh
    assert "may not be read" in stale and "| step 1: " not in stale, "the guard refuses"
    text = forepath("compare", base.path, changed.path, "--no-fluency", "--foretold").stdout
    assert "Foretold from activations alone" in text and str(found) in text
    unseen = foretell(base, base)
    assert isinstance(unseen, InterventionError) and "does not reach" in str(unseen)


@pytest.fixture(scope="module")
def others(base):
    """Three more changes, sampled."""
    made = []
    for n, change in enumerate([making.ablate("head:1.0"), making.ablate("mlp:1"), making.add("resid.0", np.ones(16))]):
        intervene(base, change, base.path.parent / f"other{n}")
        made.append(open_run(base.path.parent / f"other{n}"))
    return made


def test_a_change_is_decided_by_as_few_texts_as_it_takes(base, others, tmp_path, monkeypatch):
    toward = base.subject.model.lm_head.weight.detach().numpy()[12]
    strong = making.add("resid.0", toward, coefficient=3)
    found = decide_change(base, strong, margin=0.2)
    says = {v.measure: v for v in found.decision.verdicts}
    intervene(base, strong, tmp_path / "whole")
    whole = {e.measure: e for e in compare_runs(base, open_run(tmp_path / "whole"), fluency=False).effects}
    clear = max((e for e in whole.values() if e.kind == "step"), key=lambda e: abs(e.shift))
    verdict = says[clear.measure.removeprefix("step 1: ")]
    assert clear.moved and verdict.says == "moved" and verdict.low <= clear.shift <= verdict.high
    assert found.texts <= found.whole == 48 * 4 and "of 3 other changes" in found.foresight
    assert {v.by for v in found.decision.verdicts} <= {"samples", ""}
    assert "loses" in decide_change(base, strong, learned=others, margin=0.2).foresight
    monkeypatch.setattr(deciding, "_error", lambda *given: (0.0, 3))
    monkeypatch.setattr(Transfer, "allowed_as_it_is", property(lambda self: True))
    sure = decide_change(base, strong, learned=others, margin=0.2)
    assert {v.by for v in sure.decision.verdicts} == {"foresight"} and sure.decision.prompts == 0
    assert 0 < sure.texts < sure.whole, "the check itself writes on a few prompts"
    monkeypatch.setattr(Transfer, "allowed_as_it_is", property(lambda self: False))
    stale = decide_change(base, strong, learned=others, margin=0.2)
    assert stale.decision == found.decision and "may not be read here" in stale.foresight
    few = decide_change(base, strong, learned=others, margin=0.2, most=3)
    assert few.prompts <= 3 and few.texts == 4 * few.prompts and f"of {few.prompts} prompts" in str(few)
    with pytest.raises(InputError, match="1 to 1 steps"):
        decide_change(base, strong, step=2)
    monkeypatch.setattr(deciding, "written_chains", lambda *_, **__: 1 / 0)
    for wrong in ({"margin": 0.0}, {"rate": 1.5}, {"most": 0}):
        with pytest.raises(InputError, match="wanted a rate"):
            decide_change(base, strong, **wrong)


def test_foresight_learns_from_changes_that_are_others_and_each_once(base, others):
    mine = making.ablate("head:1.0")  # the first of the others
    assert deciding._others(base, making.add("resid.0", np.full(16, 2.0)), others) == others
    assert deciding._others(base, mine, [*others, *others, base]) == others[1:]


def test_deciding_from_the_command_line(base, others):
    learn = [word for run in others for word in ("--learn", run.path)]
    done = forepath("decide", base.path, "--ablate", "head:1.1", *learn, "--margin", "0.3", "--most", "20", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {"step", "margin", "texts", "whole", "prompts", "foresight", "verdicts"} == set(told) and told["texts"] <= 80
    shown = forepath("decide", base.path, "--change", "policy temperature=0.2", "--margin", "0.3")
    assert shown.exit_code == 0 and re.match(r"Of \d themes at step 1, ", shown.stdout)
    assert isinstance(forepath("decide", base.path).exception, InputError)
