"""As many samples as a run has, judged by new ones: worth what they are worth, in a world whose odds are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from forepath.apps.judging import more
from forepath.apps.judging.fresh import Asked
from forepath.records import Forecast, Futures, Policy
from forepath.stats.judge import Judge

THEMES = ("a", "b", "c", "d", "end")
ODDS = np.random.default_rng(0).dirichlet(np.full(5, 0.7), size=1200)


def drawn(odds, samples, seed):
    rng = np.random.default_rng(seed)
    steps = (odds.cumsum(1)[:, None, :-1] < rng.random((len(odds), samples, 1))).sum(-1)
    return Futures(THEMES, steps[..., None].astype(np.int16))


def case_of(samples):
    """Prompts 0 to 599 are known, 600 to 1199 test prompts."""
    futures = drawn(ODDS, samples, 1)
    known, test = np.arange(600), np.arange(600, 1200)

    def of(rows):
        return Futures(THEMES, futures.steps[rows])

    return SimpleNamespace(
        settings=SimpleNamespace(samples=samples), test=test, futures=of,
        judge=SimpleNamespace(horizon=1), forecast=lambda steps: Forecast(THEMES, steps),
        judge_of=lambda both, rows: Judge(both, of(known), seed=0),
    )  # fmt: skip


@pytest.mark.parametrize("honest", [True, False])
def test_32_of_32_are_worth_32_and_new_ones_from_elsewhere_are_noticed_by_the_forecast(monkeypatch, honest):
    case, asked = case_of(32), Asked(more.NAME, np.arange(700, 1100), ("",) * 400, Policy())
    odds = ODDS[asked.rows] if honest else ODDS[asked.rows][:, ::-1]  # planted: another policy's samples
    monkeypatch.setattr(more, "written", lambda _, a: drawn(odds, 16, 2))
    assert more.within_reach(case) == [32]
    rows, losses, missing = more.more(case, [8.0], Forecast(THEMES, ODDS[600:, None]), [asked])
    found = {row["forecaster"]: row for row in rows}
    assert set(found) == {"mc@32", "mc_shrunk@32", "fusion@32"} and not missing
    print(found)
    assert found["mc@32"]["k_raw"] == pytest.approx(32, rel=0.15)
    fused, alone = (found[name]["cross_entropy"] for name in ("fusion@32", "mc_shrunk@32"))
    assert (fused < alone) is honest  # the forecast is exact, of the run's own policy
    lost = losses["mc_shrunk@32"]
    assert lost.shape == (600, 1) and np.isnan(lost[:100]).all() and not np.isnan(lost[100:500]).any()


def test_without_new_ones_the_row_is_missing_with_its_reason():
    rows, losses, missing = more.more(case_of(32), [8.0], Forecast(THEMES, ODDS[600:, None]), [])
    assert not rows and not losses
    assert [m.name for m in missing] == ["mc@32", "mc_shrunk@32"] and "--budget" in missing[0].reason
    names = {m.name: m.reason for m in more.more(case_of(8), [8.0], Forecast(THEMES, ODDS[600:, None]), [])[2]}
    assert "--budget" in names["mc@8"] and "do not do either" in names["mc@16"] and "mc@4" not in names
