"""Rivals that need more than the run: what stands in where an extra is not installed."""

import numpy as np
import pytest

from forepath.apps.judging import rivals
from forepath.apps.judging.case import Case, Options
from forepath.apps.judging.keeping import Kept
from forepath.apps.labelling import read_folds
from forepath.apps.models import load_subject, subject_of
from forepath.apps.progress import silent
from forepath.apps.scoring import Trial
from forepath.apps.settings import settings_in
from forepath.stats.judge import Judge
from forepath.store import Run


@pytest.fixture
def case(fresh, tiny):
    store = Run.open(fresh)
    settings = settings_in(store)
    folds = read_folds(store, settings)
    bench = Judge(folds.of("test"), folds.of("train", "validation"), seed=settings.seed)
    trial = Trial(store, settings, subject_of(store, settings), folds, bench)
    return Case(trial, Options(other=str(tiny)), Kept(store, "test"), silent)


def test_without_a_sentence_embedding_another_models_mean_stands_in_and_says_so(case, monkeypatch):
    monkeypatch.setattr(rivals, "find_spec", lambda _: None)
    entrant = rivals.embedded(case)
    assert entrant.kind == "text" and "no sentence embedding is installed" in entrant.about
    found = entrant.features()
    other = load_subject(case.settings)  # here the same model again
    means = other.activations(case.texts, [s + "@mean" for s in other.sites if s.startswith("resid.")])
    assert any(np.array_equal(found, values) for values in means.values())
    last = other.activations(case.texts, [s for s in other.sites if s.startswith("resid.")])
    assert not any(np.array_equal(found, values) for values in last.values())
    assert any(np.array_equal(rivals.other_model(case).features(), values) for values in last.values())
