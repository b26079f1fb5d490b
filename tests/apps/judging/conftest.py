"""A scored run of the tiny model, judged without the rivals that take long."""

import shutil

import pytest
from small_judge import QUICK, SMALL

from forepath.apps.judging import rivals
from forepath.apps.judging.case import Options
from forepath.apps.judging.verdict import judge
from forepath.apps.pipeline import run
from forepath.apps.settings import Settings


@pytest.fixture(scope="session")
def codebook(tmp_path_factory):
    """Three themes, each the words that begin with a digit."""
    import json

    path = tmp_path_factory.mktemp("codebooks") / "words.json"
    themes = [{"name": f"t{d}", "description": f"words with {d}", "patterns": [rf"\bw{d}"]} for d in (1, 2, 3)]
    path.write_text(json.dumps({"version": 1, "themes": themes}))
    return path


@pytest.fixture(scope="session")
def scored(tiny, tiny_prompts, codebook, tmp_path_factory):
    """The directory of a run that nobody has judged: copy it."""
    out = tmp_path_factory.mktemp("runs") / "scored"
    run(Settings(str(tiny), codebook=str(codebook), **SMALL), tiny_prompts, out)
    return out


@pytest.fixture
def fresh(scored, tmp_path):
    """A copy of `scored` for the test alone."""
    return shutil.copytree(scored, tmp_path / "run")


@pytest.fixture(scope="session")
def judged(scored, tmp_path_factory):
    """(the run's directory, its judgement)"""
    out = shutil.copytree(scored, tmp_path_factory.mktemp("runs") / "judged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rivals, "_MAKERS", QUICK)
        return out, judge(out, Options(seeds=2, by="author", budget=50.0))
