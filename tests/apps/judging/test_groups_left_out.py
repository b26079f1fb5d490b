"""Each test prompt is forecast by one that never saw its group; and cheats are judged by their own samples."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from forepath.apps.judging import cheating, groups, shifts
from forepath.apps.judging.case import Case, Options
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.fresh import Asked
from forepath.apps.labelling import Folds
from forepath.apps.progress import silent
from forepath.apps.scoring import Trial
from forepath.apps.settings import Settings
from forepath.records import UNKNOWN, Forecast, Futures, Policy
from forepath.stats.judge import Judge
from forepath.store import Prompt

THEMES = ("a", "b", "end")


@dataclass
class Spy:
    """Remembers which prompts it was fitted to; its features are their numbers."""

    seen: np.ndarray | None = None

    def fit(self, x, futures):
        self.seen = x[:, 0]
        return self

    def predict(self, x):
        asked.append((set(self.seen.tolist()), set(x[:, 0].tolist())))
        return Forecast(THEMES, np.full((len(x), 1, 3), 1 / 3))


asked = []


@pytest.fixture
def case():
    """A hundred prompts of seven kinds, every theme as likely."""
    asked.clear()
    settings = Settings("nobody", samples=4, horizon=1, seed=3)
    prompts = tuple(Prompt(f"p{i}", f"text {i}", {"kind": f"k{i % 7}"}) for i in range(100))
    steps = np.random.default_rng(0).integers(0, 3, size=(100, 4, 1)).astype(np.int16)
    folds = Folds(prompts, np.array([settings.fold_of(p) for p in prompts]), Futures(THEMES, steps))
    judge = Judge(folds.of("test"), folds.of("train", "validation"), seed=0)
    site = np.random.default_rng(1).standard_normal((100, 5))
    store = SimpleNamespace(
        array_names=lambda family: [],
        read_document=lambda name: {"site": "s", "sample_seconds": 0.5},
        arrays=lambda family, name: site,
    )
    kept = SimpleNamespace(odds=lambda key, work: (work(), 0.0), has_odds=lambda key: False)
    return Case(Trial(store, settings, None, folds, judge), Options(by="kind"), kept, silent)


def test_no_group_is_on_both_sides(case):
    spy = Entrant("linear@s", "ours", "", lambda _: Spy(), lambda: np.arange(100.0)[:, None])
    even = Forecast(THEMES, np.full((len(case.test), 1, 3), 1 / 3))
    rows, by_group, missing = groups.left_out(case, [spy], {"linear@s": even})
    assert [m.name for m in missing] == ["described"]  # no layer of this run can be read with an unembedding
    assert {r["group"] for r in by_group} <= {f"k{i}" for i in range(7)}
    assert len(asked) == groups.PARTS
    for fitted, forecast in asked:
        assert not {i % 7 for i in fitted} & {i % 7 for i in forecast}
        assert fitted <= set(case.known.tolist())
    assert sorted(i for _, forecast in asked for i in forecast) == case.test.tolist()
    assert {r["forecaster"] for r in rows} == {"linear@s", "cautious", "cautious@nothing", "ceiling", "reachable"}


@pytest.mark.parametrize("shared", [False, True])
def test_what_can_be_reached_without_the_group(case, shared):
    """Each of five groups has two themes: its own, or every group the same two."""
    themes = (*(f"t{i}" for i in range(10)), "end")
    prompts = tuple(Prompt(f"p{i}", f"text {i}", {"kind": f"k{i % 5}"}) for i in range(400))
    theme = np.random.default_rng(0).integers(0, 2, 400) + (0 if shared else 2 * (np.arange(400) % 5))
    steps = np.repeat(theme[:, None], 8, 1)[..., None].astype(np.int16)
    settings = Settings("nobody", samples=8, horizon=1, seed=3)
    folds = Folds(prompts, np.array([settings.fold_of(p) for p in prompts]), Futures(themes, steps))
    judge = Judge(folds.of("test"), folds.of("train", "validation"), seed=0)
    case = Case(Trial(case.trial.store, settings, None, folds, judge), Options(by="kind"), case.kept, silent)
    (row,) = groups._reachable(case, groups.parts_of([f"k{i % 5}" for i in range(400)]))
    assert row["cross_entropy"] == pytest.approx(0.0 if shared else np.log(3), abs=0.02)  # both, or `end`
    assert row["explained"] == pytest.approx(1.0 if shared else 1 - np.log(3) / np.log(10), abs=0.03)


def test_parts_hold_whole_groups_of_about_one_size():
    names = [f"g{i % 23}" for i in range(500)]
    part = groups.parts_of(names)
    assert all(len({part[i] for i in range(500) if names[i] == g}) == 1 for g in set(names))
    assert np.ptp(np.bincount(part)) <= 23
    assert groups.parts_of(["a", "a"]).tolist() == [0, 0]


def test_a_budget_pays_for_so_many_prompts_or_none(case):
    rows = np.arange(40)
    shifts_asked = [Asked(n, rows, ("x",) * 40, Policy()) for n in ("one", "two")]
    # a prompt costs 4 samples at 0.5 s, twice: a minute pays for 15 of each
    case = Case(case.trial, Options(budget=1.0), case.kept, silent)
    cut, told, unpaid = shifts.afford(case, shifts_asked)
    assert [len(s.rows) for s in cut] == [15, 15] and not unpaid and "1.0 minutes" in told
    poor = Case(case.trial, Options(budget=0.2), case.kept, silent)
    cut, _, unpaid = shifts.afford(poor, shifts_asked)
    assert not cut and [m.name for m in unpaid] == ["shift: one", "shift: two"] and "pay for 3" in unpaid[0].reason


def test_endings_are_turned_round_and_texts_cut_at_sentences():
    assert shifts.other_ending("Title\n\n") == "Title"
    assert shifts.other_ending("One. Two.") == "One. Two"
    assert shifts.other_ending("Why") == "Why."
    assert shifts.other_ending(".") == ".."  # nothing would be left
    assert shifts.cut_short("no end at all", 5) == "no" and shifts.cut_short("word", 9) == ""
    assert shifts.cut_short("a line\nanother", 12) == "a line"


def test_a_cheat_is_judged_by_the_chain_of_its_own_sample():
    steps = np.array([[[0], [1]], [[2], [UNKNOWN]]], dtype=np.int16)
    own = Futures(THEMES, steps.reshape(4, 1, 1))
    knows = np.eye(3)[[0, 1, 2, 0]][:, None] * 0.97 + 0.01
    assert cheating._losses(knows, own, 2)[:, 0] == pytest.approx([-np.log(0.98)] * 2)
    other = knows[[1, 0, 2, 3]]  # the oracle can fail: the other sample of the same prompt
    assert cheating._losses(other, own, 2)[:, 0] == pytest.approx([-np.log(0.01), -np.log(0.98)])
    none = Futures(THEMES, np.full((2, 1, 1), UNKNOWN, dtype=np.int16))
    assert np.isnan(cheating._losses(knows[:2], none, 2)).all()
