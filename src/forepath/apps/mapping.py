"""The map of side effects of a run: every head ablated in turn, foretold, and each row checked before it is read.

A forecaster of the unchanged model may be stale on a changed one. So a few texts of test prompts are sampled under each
change, and where the forecaster loses more than is tolerated its row is left out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forepath.apps.labelling import read_fold_names
from forepath.apps.monitoring import run_labeller
from forepath.apps.progress import Report, silent
from forepath.apps.runs import OpenRun
from forepath.apps.terminal import plain
from forepath.apps.writing import written_chains
from forepath.effects.realigning import TOLERANCE, align, transfer
from forepath.effects.sweeping import SideEffects, every_head, sweep
from forepath.errors import InputError
from forepath.protocols import Labeller
from forepath.records import UNKNOWN, Futures, Intervention, futures_of
from forepath.stats.bootstrap import Estimate
from forepath.store import Prompt, prompts_from
from forepath.subjects.interventions.making import describe

PROMPTS, SAMPLES, TOKENS = 60, 6, 48
"""Of a check: test prompts at most, texts of each, tokens of a text for each step ahead."""


@dataclass(frozen=True, slots=True)
class CheckedMap:
    """The map, what the checks found, and what it all cost."""

    found: SideEffects
    lost: dict[str, Estimate]
    """Change -> relative loss of cross-entropy of the forecaster on what was written under it; of the checked ones."""
    prompts: int
    """Test prompts of the checks."""
    seconds: tuple[float, float]
    """By the clock: foretelling, checking."""
    instead: float
    """Seconds to sample `texts` of every prompt under every change instead; NaN if none was checked."""
    texts: int
    """Of a prompt of the run."""

    def to_json(self) -> dict[str, Any]:
        """Rows in the order of their clusters; null for a head that cannot be seen or may not be read."""
        found, rows = self.found, []
        for i in found.order().tolist():
            name = found.names[i]
            lost = self.lost.get(name)
            shift = {t: _null(v) for t, v in zip(found.themes, found.shift[i].tolist(), strict=True)}
            rows.append({"change": name, "seen": name not in found.unseen, "refused": name in found.refused,
                         "lost": None if lost is None else _null(lost.value), "shift": shift})  # fmt: skip
        cost = {"foretold": self.seconds[0], "checked": self.seconds[1], "sampled": _null(self.instead)}
        return {"step": found.step, "tolerance": TOLERANCE, "seconds": cost, "rows": rows}

    def __str__(self) -> str:
        found, share, lines = self.found, self.found.specificity(), []
        for i in found.order().tolist():
            name = found.names[i]
            if name in found.unseen:
                lines.append(f"{name:<24} not seen: it lies behind the site that is read")
                continue
            lost = self.lost.get(name)
            told = "unchecked" if lost is None else f"loses {lost.value:+.1%} [{lost.low:+.1%}, {lost.high:+.1%}]"
            if name in found.refused:
                lines.append(f"{name:<24} may not be read: the forecaster {told} there")
                continue
            most = np.argsort(-np.abs(found.shift[i]))[:3]
            themes = ", ".join(f"{plain(found.themes[t])} {found.shift[i, t]:+.3f}" for t in most)
            lines.append(f"{name:<24} {share[i]:4.0%} in one theme: {themes}; {told}")
        return "\n".join([*lines, "", self._cost()])

    def _cost(self) -> str:
        foretold = f"Foretold in {self.seconds[0]:.0f} s by a forecaster of the unchanged model"
        if not self.lost:
            return (
                f"{foretold}, and not checked on samples of a changed one (`--check 0`): do not read it as what "
                "would be written."
            )
        return (
            f"{foretold}; checked on {SAMPLES} texts of {self.prompts} test prompts under each of {len(self.lost)} "
            f"changes in {self.seconds[1]:.0f} s: where it loses more than {TOLERANCE:.0%} of its cross-entropy it may "
            f"not be read ({len(self.found.refused)}; `forepath intervene RUN --ablate HEAD` samples them). Sampling "
            f"{self.texts} texts of every prompt instead would take about {self.instead / 60:.1f} min."
        )


def map_heads(
    base: OpenRun, *, prompts: int = 200, step: int = 1, check: int | None = None, report: Report = silent
) -> CheckedMap:
    """Every head ablated in turn, foretold by the run's own forecaster on its first prompts.

    `check`: rows to check, those that would move most first; None: all. Raises `InputError` for a step that the
    forecaster does not look ahead, `RunIncompleteError` for a run without one.
    """
    origin = base.forecaster.origin
    assert origin is not None  # loaded forecasters have one
    if prompts < 1 or (check is not None and check < 0):
        raise InputError(f"prompts={prompts}, check={check}; wanted at least one prompt, and no rows or some to check")
    known = prompts_from(base.store.table("prompts"))
    heads = every_head(base.subject)
    began = time.perf_counter()
    found = sweep(base.subject, base.forecaster, origin.site, [p.text for p in known][:prompts], heads, step=step,
                  report=lambda done, total: report("sweep", done, total))  # fmt: skip
    middle = time.perf_counter()
    folds = read_fold_names(base.store, base.settings)
    test = [p for p in known if folds[p.id] == "test"][:PROMPTS]
    size = np.nan_to_num(np.abs(found.shift)).max(axis=1)
    chosen = [i for i in np.argsort(-size, kind="stable").tolist() if found.names[i] not in found.unseen][:check]
    if chosen and not test:
        raise InputError("no test prompts on which to check the map; ask for none (--check 0), or run more prompts")
    lost, rate = _checks(base, origin.site, [heads[i] for i in chosen], test, step, report) if chosen else ({}, 0.0)
    instead = _texts(base) * min(prompts, len(known)) * len(heads) / rate if rate else float("nan")
    stale = [name for name, e in lost.items() if not e.value <= TOLERANCE]
    return CheckedMap(found.refusing(stale), lost, len(test), (middle - began, time.perf_counter() - middle), instead,
                      base.settings.samples)  # fmt: skip


def _checks(
    base: OpenRun, site: str, changes: Sequence[Intervention], test: Sequence[Prompt], step: int, report: Report
) -> tuple[dict[str, Estimate], float]:
    """(change -> relative loss of the forecaster, read as it is; tokens a second under a change).

    The unchanged model writes as few and as short texts, from the same seeds: a change of nothing loses nothing.
    """
    labeller, subject = run_labeller(base), base.subject
    texts = [p.text for p in test]
    old = subject.activations(texts, [site])[site]
    before, _ = _written(base, labeller, test, step, None)
    nothing = align(old, old, "none")
    lost, tokens, spent = {}, 0, 0.0
    for i, change in enumerate(changes):
        new = subject.activations(texts, [site], intervention=change)[site]
        began = time.perf_counter()
        after, count = _written(base, labeller, test, step, change)
        spent, tokens = spent + time.perf_counter() - began, tokens + count
        try:
            lost[describe(change)] = transfer(base.forecaster, nothing, (old, before), (new, after)).lost_before
        except InputError:  # nothing was observed on both sides
            lost[describe(change)] = Estimate(*[float("nan")] * 3)
        report("check", i + 1, len(changes))
    return lost, tokens / spent


def _written(
    base: OpenRun, labeller: Labeller, test: Sequence[Prompt], step: int, change: Intervention | None
) -> tuple[Futures, int]:
    """(what a few texts of each prompt go on with up to `step`, unknown beyond; tokens written)."""
    policy = replace(base.settings.policy, max_tokens=min(base.settings.policy.max_tokens, TOKENS * step))
    chains, tokens = written_chains(base, labeller, test, samples=SAMPLES, policy=policy, change=change)
    return _upto(futures_of(chains, base.codebook.names, base.settings.horizon), step), tokens


def _upto(futures: Futures, step: int) -> Futures:
    """Unknown beyond `step`."""
    beyond = np.arange(futures.steps.shape[2]) >= step
    return Futures(futures.themes, np.where(beyond, UNKNOWN, futures.steps).astype(np.int16))


def _texts(base: OpenRun) -> float:
    """Tokens of the run's texts after one prompt."""
    some = [t for group in base.trajectories(prompts=50, samples=base.settings.samples) for t in group]
    return base.settings.samples * float(np.mean([len(t.tokens) for t in some]))


def _null(value: float) -> float | None:
    return value if np.isfinite(value) else None
