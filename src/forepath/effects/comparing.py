"""`compare`: everything that may have moved between two sets of trajectories, tested at once.

Pairs by prompt and sample, reads all measures off both sides, takes differences by prompt, and asks of each: did it
move (with everything that was looked at held against it), and did it stay within the margin? Knows no models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forepath.effects.comparison import Comparison
from forepath.effects.doubts import doubts
from forepath.effects.examples import telling_pairs
from forepath.effects.guards import guard_table, variety
from forepath.effects.measures import Table, chain_measures, joined
from forepath.effects.pairing import Pairs, group_index, pair
from forepath.effects.removal import removal
from forepath.effects.specificity import specificity
from forepath.errors import InputError
from forepath.protocols import Measure
from forepath.records import Effect, Trajectory
from forepath.stats.bootstrap import Estimate
from forepath.stats.discoveries import fdr_adjusted
from forepath.stats.paired import paired_shifts


@dataclass(frozen=True, slots=True)
class Rules:
    """How a comparison decides. Stated in every report."""

    rate: float = 0.05
    """False discovery rate among what is said to have moved, and among what is said to have stayed: of all measures
    together, guards included."""
    margin: float = 0.05
    """A share that shifts by less counts as having stayed (0.05 is five texts in a hundred) ..."""
    part: float = 0.5
    """... if that is also less than this part of what it was before: a rare theme may not vanish unseen."""
    guard_margin: float = 0.1
    """The same for guards and other measures, as a share of their mean before."""
    horizon: int = 3
    """Steps, and themes of a beginning."""
    least: int | None = None
    """A measure that comes in fewer trajectories, both sides together, is not looked at; None: 1 %, at least 10."""
    dependent: bool = False
    """Adjust by Benjamini and Yekutieli instead of Benjamini and Hochberg: holds under any dependence, finds less."""

    def __post_init__(self) -> None:
        if not (0 < self.rate < 1 and min(self.margin, self.part, self.guard_margin) > 0 and self.horizon >= 1):
            raise InputError(f"{self}: rate lies in (0, 1), margins and part are above 0, horizon is at least 1")


def compare(
    before: Sequence[Trajectory],
    after: Sequence[Trajectory],
    *,
    targets: Sequence[str] = (),
    measures: Sequence[Measure] = (),
    groups: Mapping[str, str] | None = None,
    clusters: Mapping[str, str] | None = None,
    surprises: tuple[Mapping[str, float], Mapping[str, float]] | None = None,
    rules: Rules = Rules(),
) -> Comparison:
    """How labelled trajectories `after` a change differ from those `before`.

    `targets`: themes that were meant to move, for the specificity. `measures`: more to look at. `groups`: prompt id ->
    name; themes are looked at in each group too. `clusters`: prompt id -> source; prompts of one source share their
    luck. `surprises`: nats per token under the base model by trajectory id, (before, after) (`fluency.surprises`).
    Raises `InputError` where nothing pairs up or a target is no theme of either side.
    """
    pairs = pair(before, after)
    count = len(pairs.before)
    table = _table(pairs, measures, surprises, rules)
    cluster = None if clusters is None else group_index(pairs.prompts, clusters)[0]
    sides = [_by_prompt(v, pairs) for v in (table.values[:count], table.values[count:])]
    names, kinds, shares = list(table.names), list(table.kinds), table.shares
    missing = np.isnan(table.values).sum(axis=0) + pairs.alone
    spread = [variety(t, pairs.prompt_of, len(pairs.prompts)) for t in (pairs.before, pairs.after)]
    sides = [np.column_stack([side, v]) for side, v in zip(sides, spread, strict=True)]
    names, kinds = [*names, "guard: variety"], [*kinds, "guard"]
    shares, missing = np.append(shares, False), np.append(missing, sum(int(np.isnan(v).sum()) for v in spread))
    if groups is not None:
        sides, names, kinds, shares, missing = _with_groups(pairs, groups, sides, names, kinds, shares, missing)
    effects = _effects(sides, names, kinds, shares, missing, cluster, pairs, rules)
    themes = np.array([kind == "theme" for kind in kinds])
    aimed = _aimed(targets, names, themes)
    share = removed = Estimate(*[float("nan")] * 3)
    if targets:
        share = specificity((sides[1] - sides[0])[:, themes], aimed[themes])
        removed = removal(sides[0][:, aimed], sides[1][:, aimed], count)
    return Comparison(
        effects=tuple(effects),
        prompts=len(pairs.prompts),
        pairs=count,
        alone=pairs.alone,
        rate=rules.rate,
        margin=rules.margin,
        part=rules.part,
        adjusted="Benjamini-Yekutieli" if rules.dependent else "Benjamini-Hochberg",
        targets=tuple(targets),
        specificity=share,
        removed=removed,
        examples=telling_pairs(pairs, table, effects),
        doubts=doubts(pairs, effects, tuple(targets), surprises is not None),
    )


def _table(
    pairs: Pairs,
    measures: Sequence[Measure],
    surprises: tuple[Mapping[str, float], Mapping[str, float]] | None,
    rules: Rules,
) -> Table:
    """Rows of before, then of after."""
    everything = [*pairs.before, *pairs.after]
    least = rules.least if rules.least is not None else max(10, len(everything) // 100)
    guards = [guard_table(side, None if surprises is None else nats)
              for side, nats in zip((pairs.before, pairs.after), surprises or (None, None), strict=True)]  # fmt: skip
    both = Table(guards[0].names, guards[0].kinds, np.concatenate([g.values for g in guards]), guards[0].shares)
    own = np.array([[float(m(t)) for m in measures] for t in everything]).reshape(len(everything), len(measures))
    named = tuple(f"measure: {m.name}" for m in measures)
    mine = Table(named, ("measure",) * len(measures), own, np.zeros(len(measures), dtype=bool))
    return joined([chain_measures(everything, horizon=rules.horizon, least=least), mine, both])


def _by_prompt(values: np.ndarray, pairs: Pairs) -> np.ndarray:
    """(prompts, measures) means over what could be judged; NaN where nothing could."""
    seen = ~np.isnan(values)
    sums, counts = (np.zeros((len(pairs.prompts), values.shape[1])) for _ in range(2))
    np.add.at(sums, pairs.prompt_of, np.where(seen, values, 0.0))
    np.add.at(counts, pairs.prompt_of, seen)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: np.ndarray = sums / counts
    return means


def _with_groups(
    pairs: Pairs,
    groups: Mapping[str, str],
    sides: list[np.ndarray],
    names: list[str],
    kinds: list[str],
    shares: np.ndarray,
    missing: np.ndarray,
) -> tuple[list[np.ndarray], list[str], list[str], np.ndarray, np.ndarray]:
    """The themes once more for each group of prompts, those it has at all."""
    member, known = group_index(pairs.prompts, groups)
    for g, group in enumerate(known):
        mine = member == g
        here = [i for i, kind in enumerate(kinds) if kind == "theme"
                and any(np.nansum(side[mine, i]) > 0 for side in sides)]  # fmt: skip
        sides = [np.column_stack([side, np.where(mine[:, None], side[:, here], np.nan)]) for side in sides]
        names = [*names, *(f"{group} | {names[i]}" for i in here)]
        kinds = [*kinds, *("group" for _ in here)]
        shares, missing = np.append(shares, shares[here]), np.append(missing, np.zeros(len(here), dtype=int))
    return sides, names, kinds, shares, missing


def _effects(
    sides: list[np.ndarray],
    names: list[str],
    kinds: list[str],
    shares: np.ndarray,
    missing: np.ndarray,
    cluster: np.ndarray | None,
    pairs: Pairs,
    rules: Rules,
) -> list[Effect]:
    both = ~np.isnan(sides[0]) & ~np.isnan(sides[1])
    free = np.array([kind in ("guard", "measure") for kind in kinds]) & ~shares  # of any unit; the rest lie in [0, 1]
    unit = np.where(free, 0.0, 1 / pairs.samples)
    shifts = paired_shifts(np.where(both, sides[1] - sides[0], np.nan), cluster, unit)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [np.where(both, side, 0.0).sum(axis=0) / shifts.n for side in sides]
    shared = np.minimum(rules.margin, rules.part * means[0])
    margin = np.where(free, rules.guard_margin * np.abs(means[0]), shared)
    low, high = shifts.interval()
    p = shifts.p_moved()
    guard = np.array([kind == "guard" for kind in kinds])
    q = fdr_adjusted(p, weights=_weights(guard, p), dependent=rules.dependent)
    q_same = fdr_adjusted(shifts.p_same(margin), dependent=rules.dependent)
    return [
        Effect(
            measure=names[i], kind=kinds[i], shift=float(shifts.shift[i]), low=float(low[i]), high=float(high[i]),
            n=int(shifts.n[i]), unmeasured=int(missing[i]), before=float(means[0][i]), after=float(means[1][i]),
            p=float(p[i]), q=float(q[i]), margin=float(margin[i]), q_same=float(q_same[i]),
            moved=bool(q[i] <= rules.rate), same=bool(q_same[i] <= rules.rate),
        )
        for i in range(len(names))
    ]  # fmt: skip


def _weights(guard: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The few guards weigh as much as all the rest together, lest a broken model hide among the many measures."""
    tested = ~np.isnan(p)
    counts = max(1, int((guard & tested).sum())), max(1, int((~guard & tested).sum()))
    return np.where(guard, 1 / counts[0], 1 / counts[1])


def _aimed(targets: Sequence[str], names: list[str], themes: np.ndarray) -> np.ndarray:
    """(measures,) bool: the targets' themes. Raises `InputError`."""
    wanted = {f"theme: {t}" for t in targets}
    if unknown := sorted(wanted - {n for n, theme in zip(names, themes, strict=True) if theme}):
        raise InputError(
            f"no {unknown[0]!r} on either side, or too seldom; the themes are "
            f"{', '.join(n.removeprefix('theme: ') for n, t in zip(names, themes, strict=True) if t)}"
        )
    return np.array([name in wanted for name in names])
