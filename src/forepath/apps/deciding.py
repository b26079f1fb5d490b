"""What a change moves, decided with as few texts as it takes: prompts of a run are written on one after another.

The run itself is the side before. Where three or more other changes of it were sampled (`forepath intervene`), its
forecaster's error on those says what need not be sampled at all; on the change in hand it is first checked on samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forepath.apps.comparing import intervention_of
from forepath.apps.labelling import read_folds
from forepath.apps.monitoring import run_labeller
from forepath.apps.progress import Report, silent
from forepath.apps.runs import OpenRun
from forepath.apps.terminal import plain
from forepath.apps.writing import written_chains
from forepath.effects.deciding import MOVED, OPEN, SAME, Decision, check_limits, decide
from forepath.effects.foreseeing import agreement, foresee, sampled_shift
from forepath.effects.realigning import Transfer, align, transfer
from forepath.errors import InputError, InterventionError, MismatchError
from forepath.records import END, Chain, Futures, Intervention, futures_of

AT_A_TIME = 10
"""Prompts that are written on together."""
CHECKED = 30
"""Test prompts on which the forecaster is checked before it decides anything."""
LEARNED = 3
"""Other changes that must have been sampled before foresight is believed."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The verdicts, what they cost, and what foresight was allowed."""

    decision: Decision
    step: int
    margin: float
    prompts: int
    """Written on under the change, to decide and to check the forecaster."""
    texts: int
    """So many texts of them."""
    whole: int
    """That sampling every prompt of the run would have taken."""
    foresight: str
    """What it was allowed to decide, and why."""

    def to_json(self) -> dict[str, Any]:
        """Verdicts as rows; null for what is not known."""
        rows = [{k: None if v != v else v for k, v in asdict(verdict).items()} for verdict in self.decision.verdicts]
        return {"step": self.step, "margin": self.margin, "texts": self.texts, "whole": self.whole,
                "prompts": self.prompts, "foresight": self.foresight, "verdicts": rows}  # fmt: skip

    def __str__(self) -> str:
        verdicts = self.decision.verdicts
        counts = {says: sum(v.says == says for v in verdicts) for says in (MOVED, SAME, OPEN)}
        lines = [
            f"Of {len(verdicts)} themes at step {self.step}, {counts[MOVED]} moved, {counts[SAME]} stayed within "
            f"{self.margin:g}, {counts[OPEN]} are open. {self.texts:,} texts of {self.prompts} prompts were written "
            f"under the change, of {self.whole:,} that the whole run has. {self.foresight}",
            "",
        ]
        order = {MOVED: 0, OPEN: 1, SAME: 2}
        lines += [
            f"{v.says:<6} {plain(v.measure):<24} {v.shift:+.3f} [{v.low:+.3f}, {v.high:+.3f}]  {v.by}".rstrip()
            for v in sorted(verdicts, key=lambda v: (order[v.says], -abs(v.shift)))
        ]
        return "\n".join(lines)


def decide_change(
    base: OpenRun,
    change: Intervention,
    *,
    learned: Sequence[OpenRun] = (),
    margin: float = 0.05,
    rate: float = 0.05,
    step: int = 1,
    most: int | None = None,
    report: Report = silent,
) -> Decided:
    """Write on prompts of `base` under `change` until it is decided of each theme at `step` whether it moved or stayed.

    `learned`: runs of the same prompts under other changes. `most`: prompts, at most; None: all. Verdicts of samples
    hold at any stopping time (`effects.deciding`). Raises `InputError` for a step beyond the horizon or too small a
    margin, `MismatchError` for a learned run of another codebook, `InterventionError`, `RunIncompleteError`.
    """
    if not 1 <= step <= base.settings.horizon:
        raise InputError(f"step {step}; the run looks 1 to {base.settings.horizon} steps ahead")
    check_limits(rate, margin, 1 if most is None else most)
    folds = read_folds(base.store, base.settings)
    test, fitted = (np.flatnonzero(folds.where(*names)) for names in (("test",), ("train", "validation")))
    rng = np.random.default_rng(base.settings.seed)
    order = np.concatenate([rng.permutation(test), rng.permutation(fitted)])  # the forecaster is checked on the first
    whole = len(order)
    order = order[:most]
    writing = _Writing(base, change, order, report)
    before = folds.futures
    themes = _looked_at(before, step)
    others = _others(base, change, learned)
    foretold, error, said = _foresight(base, change, others, writing, min(CHECKED, len(test), len(order)), step)
    known = before.frequencies()[0]

    def more(i: int) -> np.ndarray:
        after = writing.upto(i + 1).frequencies()[0]
        difference: np.ndarray = (after[i] - known[order[i]])[step - 1, themes]
        return difference

    found = decide(more, [before.themes[t] for t in themes], margin=margin, rate=rate,
                   most=len(order), error=error,
                   foretold=None if foretold is None else foretold[themes])  # fmt: skip
    samples = base.settings.samples
    return Decided(found, step, margin, writing.written, writing.written * samples, whole * samples, said)


class _Writing:
    """What the subject writes under the change, a few prompts at a time, when it is asked for."""

    def __init__(self, base: OpenRun, change: Intervention, order: np.ndarray, report: Report) -> None:
        self._base, self._change, self.order, self._report = base, change, order, report
        self._labeller = run_labeller(base)
        self._prompts = read_folds(base.store, base.settings).prompts
        self._chains: list[list[Chain]] = []

    @property
    def written(self) -> int:
        """Prompts written on so far."""
        return len(self._chains)

    def upto(self, count: int) -> Futures:
        """Of the first `count` prompts of the order, and perhaps some more."""
        settings, samples = self._base.settings, self._base.settings.samples
        while self.written < count:
            group = [self._prompts[i] for i in self.order[self.written : self.written + AT_A_TIME]]
            chains, _ = written_chains(self._base, self._labeller, group, samples=samples, change=self._change)
            self._chains += chains
            self._report("sample", self.written, len(self.order))
        return futures_of(self._chains, self._base.codebook.names, settings.horizon)


def _others(base: OpenRun, change: Intervention, learned: Sequence[OpenRun]) -> list[OpenRun]:
    """One run of each other change. Raises `MismatchError` for a run that says nothing of `base`."""
    found: dict[str, OpenRun] = {}
    for run in learned:
        if run.codebook.id != base.codebook.id or run.store.config["subject"] != base.store.config["subject"]:
            raise MismatchError(f"{run.path} is of another model or codebook; give runs made from {base.path}")
        its = intervention_of(run)
        if its is not None and its.fingerprint != change.fingerprint:
            found.setdefault(its.fingerprint, run)
    return list(found.values())


def _looked_at(before: Futures, step: int) -> np.ndarray:
    """Themes that the unchanged run has at the step, and `end`."""
    often = np.nansum(before.frequencies()[0][:, step - 1], axis=0) > 0
    often[before.themes.index(END)] = True
    return np.flatnonzero(often)


def _foresight(
    base: OpenRun, change: Intervention, learned: Sequence[OpenRun], writing: _Writing, few: int, step: int
) -> tuple[np.ndarray | None, float, str]:
    """((themes,) foretold shifts or None, the error they may have, what to say of it)."""
    forecaster: Any = base.forecaster if learned else None
    error, seen = _error(base, learned, step) if learned else (float("inf"), 0)
    if seen < LEARNED:
        return (
            None,
            float("inf"),
            (
                f"By samples alone: foresight asks for sampled runs of {LEARNED} other changes that its site sees "
                f"(--learn), those of {seen} were given."
            ),
        )
    site = forecaster.origin.site
    prompts = read_folds(base.store, base.settings).prompts
    old = base.store.arrays("activations", site)
    new = base.subject.activations([p.text for p in prompts], [site], intervention=change)[site]
    try:
        foretold = foresee(forecaster, old, new).shift[step - 1]
    except InterventionError:
        return None, float("inf"), "By samples alone: the change does not reach the site that the forecaster reads."
    try:
        checked = _check(base, site, old, new, writing, few)
    except InputError:
        return None, float("inf"), "By samples alone: nothing was observed on which to check the forecaster."
    lost = f"{checked.lost_before.value:+.1%} of its cross-entropy on {checked.prompts} prompts written on first"
    if not checked.allowed_as_it_is:
        return None, float("inf"), f"By samples alone: the forecaster may not be read here, it loses {lost}."
    told = f"Foresight's error was at most {error:.4f} on {seen} other changes, and here it loses {lost}."
    return foretold, error, told


def _check(base: OpenRun, site: str, old: np.ndarray, new: np.ndarray, writing: _Writing, few: int) -> Transfer:
    """What the forecaster loses on the first `few` prompts written on: test prompts of the run."""
    after = writing.upto(few)
    places = writing.order[:few]
    before = read_folds(base.store, base.settings).futures
    sides = Futures(before.themes, before.steps[places]), Futures(after.themes, after.steps[:few])
    nothing = align(old, old, "none")
    forecaster: Any = base.forecaster
    return transfer(forecaster, nothing, (old[places], sides[0]), (new[places], sides[1]))


def _error(base: OpenRun, learned: Sequence[OpenRun], step: int) -> tuple[float, int]:
    """(upper end of foresight's error on other changes, over all prompts, as it is used; how many it saw)."""
    forecaster: Any = base.forecaster
    site, rows = forecaster.origin.site, []
    before, old = read_folds(base.store, base.settings).futures, base.store.arrays("activations", site)
    for run in learned:
        try:
            foretold = foresee(forecaster, old, run.store.arrays("activations", site)).shift[step - 1]
        except InterventionError:  # it acts behind the site: nothing to learn from
            continue
        shift, se = sampled_shift(before, read_folds(run.store, base.settings).futures)
        rows.append((foretold, shift[step - 1], se[step - 1]))
    if len(rows) < LEARNED:
        return float("inf"), len(rows)
    told, drawn, noise = (np.array(column) for column in zip(*rows, strict=True))
    return agreement(told, drawn, noise, base.settings.samples).error_high, len(rows)
