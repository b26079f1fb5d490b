"""The product of everything is made where it is asked for, and only there."""

from itertools import product

from forepath.apps.judging import sweeps
from forepath.apps.judging.case import Case, Options
from forepath.apps.judging.keeping import Kept
from forepath.apps.labelling import read_folds
from forepath.apps.progress import silent
from forepath.apps.scoring import Trial
from forepath.apps.settings import settings_in
from forepath.stats.judge import Judge
from forepath.store import Run


def test_the_thorough_sweep_is_the_product_of_everything(fresh):
    store = Run.open(fresh)
    settings, told = settings_in(store), []
    folds = read_folds(store, settings)
    bench = Judge(folds.of("test"), folds.of("train", "validation"), seed=0)
    trial, kept = Trial(store, settings, None, folds, bench), Kept(store, "1")
    found = sweeps.sweeps(Case(trial, Options(thorough=True), kept, lambda *args: told.append(args)))["grid"]
    points = {(r["site"], r["normalise"], r["prompts"], r["samples"]) for r in found}
    axes = [sorted({p[i] for p in points}) for i in range(4)]
    assert points == set(product(*axes)) and len(found) == len(points)
    assert axes[0] == sorted(store.array_names("activations")) and len(axes[1]) == 3
    assert len(axes[2]) == sum(s * max(axes[2]) >= sweeps.LEAST for s in sweeps.FEW_SHARES) and axes[3] == [1, 6]
    assert all(r["validation"] > 0 and r["test"] > 0 for r in found)
    assert any(stage == "sweep everything" for stage, *_ in told)
    assert sweeps.sweeps(Case(trial, Options(), kept, silent))["grid"] == []
