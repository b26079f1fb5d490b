"""A run whose test can be known beforehand is refused; allowed, it says so at its top and is judged without, too."""

import pytest
from small_judge import QUICK, SMALL

from forepath.apps.judging import rivals
from forepath.apps.judging.case import Options
from forepath.apps.judging.verdict import judge
from forepath.apps.pipeline import run
from forepath.apps.prompts import prompt_of
from forepath.apps.settings import Settings
from forepath.errors import InputError, LeakError
from forepath.store import Run


@pytest.fixture(scope="module")
def leaking(tiny, tiny_prompts, codebook, tmp_path_factory):
    """A run with a test prompt that is a training prompt but for its case; (directory, the test prompt)."""
    settings = Settings(str(tiny), codebook=str(codebook), **SMALL)
    twins = [(p, prompt_of(p.text.upper(), p.extra)) for p in tiny_prompts]
    _, twin = next(t for t in twins if [settings.fold_of(p) for p in t] == ["train", "test"])
    out = tmp_path_factory.mktemp("runs") / "leaking"
    run(settings, [*tiny_prompts, twin], out)
    return out, twin


def test_a_planted_near_duplicate_is_refused_by_name(leaking):
    with pytest.raises(LeakError, match=f"{leaking[1].text}.*--allow-leaks"):
        judge(leaking[0], Options(seeds=2, budget=0))
    assert issubclass(LeakError, InputError)  # exit code 2


def test_allowed_it_is_said_first_and_judged_without_it_too(leaking, monkeypatch):
    monkeypatch.setattr(rivals, "_MAKERS", QUICK)
    found = judge(leaking[0], Options(seeds=2, budget=0, allow_leaks=True, without=("markov_variable",)))
    assert ("markov_variable", 1) not in {(r["forecaster"], r["step"]) for r in found.data["rows"]}
    assert [(leak["kind"], leak["prompts"]) for leak in found.data["leaks"]] == [("prompts", 1)]
    assert str(found).startswith("LEAK (prompts)")
    assert '<p class="warn">LEAK' in found.html()
    assert found.data["shifts"] == [] and "judging-samples" not in Run.open(leaking[0]).families()
    missing = {r["forecaster"]: r["reason"] for r in found.data["missing"]}
    assert "--without" in missing["markov_variable"]
    assert "--budget" in missing["shift: ending"] and "--by" in missing["leave-group-out"]
    every, clean = ({(r["forecaster"], r["step"]): r["n_prompts"] for r in found.data[name]}
                    for name in ("rows", "rows_without_leaks"))  # fmt: skip
    assert every["tfidf", 1] == clean["tfidf", 1] + 1


def test_the_same_run_without_the_twin_is_not_refused(judged):
    assert judged[1].data["leaks"] == [] and judged[1].data["rows_without_leaks"] is None
    assert "LEAK" not in str(judged[1])
