"""Works side by side give what they give one after the other, in their order, errors and all."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.fits import side_by_side
from forepath.apps.judging.keeping import Kept
from forepath.apps.judging.together import results, together
from forepath.apps.progress import silent
from forepath.errors import InputError
from forepath.forecasters.linear import LinearForecaster
from forepath.records import Futures
from forepath.store import Run


def refused():
    raise InputError("no")


@pytest.mark.parametrize("cores", [1, 2])
def test_in_their_order_with_what_they_raised(cores):
    told = []
    works = [("a", lambda: 1), ("b", refused), ("c", lambda: 3)]
    found = together(works, stage="s", report=lambda *args: told.append(args), cores=cores)
    assert found[0] == 1 and isinstance(found[1], InputError) and found[2] == 3
    assert told[-1][:3] == ("s", 3, 3) and len(told) == 4
    with pytest.raises(InputError):
        results(found)


def test_two_do_run_at_the_same_time():
    both = threading.Barrier(2, timeout=20)
    assert together([("a", both.wait), ("b", both.wait)], stage="s", report=silent, cores=2) in ([0, 1], [1, 0])
    lonely = threading.Barrier(2, timeout=0.05)  # the oracle can fail: one core never lets two meet
    assert isinstance(together([("a", lonely.wait)], stage="s", report=silent)[0], threading.BrokenBarrierError)


def test_fits_side_by_side_are_the_same_fits():
    rng = np.random.default_rng(0)
    x, futures = (
        rng.standard_normal((120, 20)),
        Futures(("a", "b", "end"), rng.integers(0, 3, (120, 4, 2)).astype("i2")),
    )

    def fit(part):
        return lambda: LinearForecaster(chains=False).fit(x[part], Futures(futures.themes, futures.steps[part])).odds(x)

    works = [(str(i), fit(rng.permutation(120)[:80])) for i in range(4)]
    one, two = (results(together(works, stage="s", report=silent, cores=c)) for c in (1, 2))
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(one, two, strict=True))
    assert not np.allclose(one[0], one[1], atol=1e-3)


def test_what_reads_a_model_reads_in_the_callers_thread(tmp_path):
    kept, where = Kept(Run.create(tmp_path / "r", {}), "1"), {}

    def entrant(name, whole):
        def read():
            where[name, "reads"] = threading.current_thread()
            return np.zeros((2, 1))

        return Entrant(name, "ours", "", lambda _: None, read, whole=whole)

    def work(name):
        def made():
            where[name, "fits"] = threading.current_thread()
            return np.full((2, 1, 1), len(name))

        return lambda: kept.odds(name, made)[0]

    entrants = [entrant("quick", False), entrant("other", False), entrant("trains", True)]
    case = SimpleNamespace(kept=kept, report=silent)
    works = [(e, e.name, e.name, work(e.name)) for e in entrants]
    found = results(side_by_side(case, works, stage="fit"))
    assert [f[0, 0, 0] for f in found] == [5, 5, 6]
    here = threading.current_thread()
    assert all(thread is here for (_, what), thread in where.items() if what == "reads")
    assert where["trains", "fits"] is here
    where.clear()
    results(side_by_side(case, works, stage="fit"))
    assert not where  # nothing is read or fitted for what is kept
