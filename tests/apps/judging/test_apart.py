"""Trainings in processes of their own are the same trainings, and one that ends leaves the work to the judge."""

from dataclasses import replace

import numpy as np
import pytest

from forepath.apps.judging import apart
from forepath.apps.judging.case import Options, open_case
from forepath.apps.judging.fits import forecast_of, key_of, odds_of, share_key
from forepath.apps.judging.rivals import chain
from forepath.apps.settings import settings_in
from forepath.store import Run


@pytest.fixture
def case(fresh, monkeypatch):
    store = Run.open(fresh)
    monkeypatch.setattr(apart, "usable_cores", lambda: 2)
    with store.lock():
        yield open_case(store, settings_in(store), Options(seeds=2))


def test_what_another_process_fits_is_what_this_one_would(case):
    told = []
    case = replace(case, report=lambda *args: told.append(args))
    entrant = chain(case)
    apart.train_apart(case, [(entrant, 0), (entrant, 1)])
    assert all(case.kept.has_odds(key_of(entrant, refit)) for refit in (0, 1))
    assert [args[1:3] for args in told] == [(0, 2), (1, 2), (2, 2)]
    odds = [forecast_of(case, entrant, refit)[0].steps for refit in (0, 1)]
    assert np.abs(odds[0] - odds[1]).max() > 1e-3  # the oracle can fail
    for refit in (0, 1):
        here, share = odds_of(case, entrant, refit)
        assert np.abs(odds[refit] - here).max() < 1e-4
        if not refit:
            assert case.kept.noted(share_key(entrant)) == share
    assert forecast_of(case, entrant, 1)[1] > 0
    case.trial.store.verify()


def test_a_process_that_ends_leaves_the_work_to_the_judge(case):
    nobody = [replace(chain(case), name=name) for name in ("nobody", "no one")]
    apart.train_apart(case, [(entrant, 0) for entrant in nobody])  # neither is known there
    assert not any(case.kept.has_odds(key_of(entrant, 0)) for entrant in nobody)
    assert forecast_of(case, nobody[0])[0].steps.shape[0] == len(case.test)


def test_not_with_one_core_nor_with_a_large_subject(case, monkeypatch):
    assert apart.trained_apart(case)
    monkeypatch.setattr(apart, "LARGE", 10)
    assert not apart.trained_apart(case)
    monkeypatch.setattr(apart, "LARGE", 2**30)
    monkeypatch.setattr(apart, "usable_cores", lambda: 1)
    assert not apart.trained_apart(case)


def test_a_judge_that_is_killed_leaves_no_process(case):
    process = apart._started(case)
    process.stdin.write("")
    process.stdin.close()  # as the system does with what a dead process held
    assert process.wait(60) == 0
    process.stdout.close()
