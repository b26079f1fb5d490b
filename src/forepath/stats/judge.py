"""The judge: every forecaster against the same samples of the same unseen prompts. Knows odds, not who made them.

At each step a prompt is judged if at least two of its samples were observed there; the others count as not judged.
Every prompt weighs the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forepath.errors import InputError
from forepath.records import Forecast, Futures, Score
from forepath.stats.bootstrap import Estimate, percentile_interval, resamples
from forepath.stats.entropy import entropy
from forepath.stats.marks import Marks, explained_of, mark, worth_of
from forepath.stats.rates import base_rates, theme_counts
from forepath.stats.shrinkage import dirichlet_strength, shrunk
from forepath.stats.worth import k_raw, k_star

SPLITS = 8
"""Ways in which each prompt's samples are divided into those that forecast and those that judge, for Monte Carlo."""


class Judge:
    """Holds what the samples of the test prompts went on to write, and what only the training prompts can tell."""

    def __init__(self, test: Futures, train: Futures, *, seed: int = 0, groups: Sequence[str] | None = None) -> None:
        """Both with the same themes and horizon. Base rates and shrinkage come from `train` only.

        `groups` (test prompts,): prompts that share their luck (of one author, say); intervals draw whole groups.
        """
        if test.themes != train.themes or test.steps.shape[2] != train.steps.shape[2]:
            raise InputError(
                f"test futures of {len(test.themes)} themes, {test.steps.shape[2]} steps; training futures of "
                f"{len(train.themes)}, {train.steps.shape[2]}: make both with the same codebook and horizon"
            )
        self.themes, self.horizon, self.seed = test.themes, test.steps.shape[2], seed
        self.base = base_rates(train)
        """(horizon, themes)"""
        known = theme_counts(train)
        self.strengths = [dirichlet_strength(known[:, h], self.base[h]) for h in range(self.horizon)]
        """Per step: how many samples the base rate counts for in shrunk Monte Carlo."""
        self._steps = test.steps
        self._groups = None if groups is None else np.asarray(groups)
        self._counts = theme_counts(test)
        self._judged = self._counts.sum(axis=2) >= 2
        self._draws = [self._resamples(h) for h in range(self.horizon)]
        base = np.broadcast_to(self.base, (len(test.steps), *self.base.shape))
        self._base = [self._marks(h, base) for h in range(self.horizon)]
        self._ceiling = [entropy(self._counts[self._judged[:, h], h], seed=seed) for h in range(self.horizon)]

    def score(self, name: str, forecast: Forecast) -> list[Score]:
        """One score per step. Raises `InputError` if the forecast is of other prompts, themes or steps."""
        steps = self._fitting(name, forecast)
        return [self._score(name, h, self._marks(h, steps)) for h in range(self.horizon)]

    def ceiling(self) -> list[Score]:
        """The best any forecast can do: the entropy of each prompt's true odds, estimated from its samples.

        The Brier score is that of the true odds. Calibration and worth in samples are NaN: nothing was forecast.
        """
        nan = float("nan")
        scores = []
        for h, nats in enumerate(self._ceiling):
            brier = float(self._base[h].spread.mean()) if len(nats) else nan
            estimate = self._estimate(h, nats)
            explained = 1.0 if len(nats) else nan
            low = float(np.maximum(0.0, estimate.low))  # no entropy is negative
            scores.append(Score("ceiling", h + 1, estimate.value, low, estimate.high, brier, explained, nan, nan, nan,
                                len(nats)))  # fmt: skip
        return scores

    def monte_carlo(self, k: int, *, shrink: bool) -> list[Score]:
        """k samples of each prompt as its forecast, judged by the prompt's other samples; the mean of `SPLITS` splits.

        Raw shares call impossible what they lack: their cross-entropy is infinite as soon as that happens. `shrink`
        pulls them towards the base rate. NaN at steps where fewer than 2 samples are left to judge or none to forecast.
        """
        name = f"mc_shrunk@{k}" if shrink else f"mc@{k}"
        order = self._splits(k)
        priors = [(self.base[h], self.strengths[h]) if shrink else None for h in range(self.horizon)]
        return [self._score(name, h, self._split_marks(h, order, k, priors[h])) for h in range(self.horizon)]

    def fused(self, name: str, k: int, forecast: Forecast, strengths: Sequence[float]) -> list[Score]:
        """As `monte_carlo`, with samples shrunk towards each prompt's forecast; `strengths` (horizon,) in samples."""
        steps, order = self._fitting(name, forecast), self._splits(k)
        marks = [self._split_marks(h, order, k, (steps[:, h], strengths[h])) for h in range(self.horizon)]
        return [self._score(name, h, found) for h, found in enumerate(marks)]

    def losses(self, forecast: Forecast) -> np.ndarray:
        """(prompts, horizon) cross-entropy in nats; NaN where a prompt is not judged. Raises `InputError`."""
        steps = self._fitting("forecast", forecast)
        lost = np.full(self._judged.shape, np.nan)
        for h in range(self.horizon):
            lost[self._judged[:, h], h] = self._marks(h, steps).cross_entropy
        return lost

    def sampled_losses(self, k: int) -> np.ndarray:
        """As `losses`, of k shrunk samples: the means over the splits of `monte_carlo`."""
        lost, order = np.full(self._judged.shape, np.nan), self._splits(k)
        for h in range(self.horizon):
            prior = (self.base[h], self.strengths[h])
            lost[self._judged[:, h], h] = self._split_marks(h, order, k, prior).cross_entropy
        return lost

    def spreads(self, h: int) -> tuple[float, float]:
        """At step h (from 0), means over prompts: the unbiased chance that two samples differ, and the base rate's
        unbiased squared distance to the true odds. k shrunk samples miss those by (k G + s^2 B) / (k + s)^2.
        """
        return float(self._base[h].spread.mean()), float(self._base[h].distance.mean())

    def difference(self, one: Forecast, other: Forecast) -> list[Estimate]:
        """Per step, cross-entropy of `one` minus that of `other`, paired by prompt: below 0, `one` is better."""
        a, b = self._fitting("one", one), self._fitting("other", other)
        return [
            self._estimate(h, self._marks(h, a).cross_entropy - self._marks(h, b).cross_entropy)
            for h in range(self.horizon)
        ]

    def explained(self, forecast: Forecast) -> list[Estimate]:
        """Per step, the explained fraction with its interval: base rate and ceiling are drawn along."""
        steps = self._fitting("forecast", forecast)
        found = []
        for h in range(self.horizon):
            columns = [self._base[h].cross_entropy, self._marks(h, steps).cross_entropy, self._ceiling[h]]
            base, ours, ceiling = self._draws[h] @ np.column_stack(columns).astype(np.float64).T[..., None]
            value = explained_of(*(float(c.mean()) if len(c) else float("nan") for c in columns))
            drawn = (base - ours)[:, 0] / (base - ceiling)[:, 0]
            found.append(Estimate(value, *percentile_interval(drawn)))
        return found

    def worth(self, forecast: Forecast) -> list[Estimate]:
        """Per step, k_star with its interval. The lower end stays finite where the value itself is infinite."""
        steps = self._fitting("forecast", forecast)
        found = []
        for h in range(self.horizon):
            marks = self._marks(h, steps)
            columns = np.column_stack([marks.spread, marks.distance, self._base[h].distance])
            drawn = [worth_of(means, self.strengths[h]) for means in self._draws[h] @ columns]
            value = worth_of(columns.mean(axis=0), self.strengths[h]) if len(columns) else float("nan")
            found.append(Estimate(value, *percentile_interval(np.array(drawn))))
        return found

    def _resamples(self, h: int) -> np.ndarray:
        judged = self._judged[:, h]
        groups = None if self._groups is None else self._groups[judged].tolist()
        count = int(judged.sum())
        return resamples(count, self.seed, groups=groups) if count else np.zeros((0, 0), dtype=np.float32)

    def _splits(self, k: int) -> np.ndarray:
        """(splits, prompts, samples) orders of the samples; the first k forecast."""
        rng = np.random.default_rng([self.seed, k])
        prompts, samples, _ = self._steps.shape
        return np.stack([rng.permuted(np.tile(np.arange(samples), (prompts, 1)), axis=1) for _ in range(SPLITS)])

    def _fitting(self, name: str, forecast: Forecast) -> np.ndarray:
        wanted = (len(self._steps), self.horizon, len(self.themes))
        if forecast.steps.shape != wanted or forecast.themes != self.themes:
            raise InputError(
                f"forecast {name!r} has (prompts, steps, themes) {forecast.steps.shape}; the samples have {wanted}: "
                "forecast the same prompts with the same codebook"
            )
        return forecast.steps

    def _marks(self, h: int, steps: np.ndarray) -> Marks:
        judged = self._judged[:, h]
        return mark(steps[judged, h], self._counts[judged, h])

    def _split_marks(self, h: int, order: np.ndarray, k: int, prior: tuple[np.ndarray, float] | None) -> Marks:
        """Means over the splits in which a prompt can be judged; all prompts that `judged` names, NaN if never.

        `prior`: odds (themes,) or (prompts, themes) and their strength; None takes the shares as they are.
        """
        judged = self._judged[:, h]
        index = np.arange(len(self.themes))
        sums = np.zeros((4, int(judged.sum())))
        times = np.zeros(sums.shape[1])
        errors = []
        for split in order[:, judged]:
            drawn = np.take_along_axis(self._steps[judged, :, h], split, axis=1)[..., None] == index
            ours, rest = drawn[:, :k].sum(axis=1), drawn[:, k:].sum(axis=1)
            fit = (rest.sum(axis=1) >= 2) & (ours.sum(axis=1) >= 1)
            if not fit.any():
                continue
            ours, rest = ours[fit], rest[fit]
            if prior is None:
                odds = ours / ours.sum(axis=1, keepdims=True)
            else:
                towards = prior[0] if prior[0].ndim == 1 else prior[0][judged][fit]
                odds = shrunk(ours, towards, prior[1])
            found = mark(odds, rest)
            sums[:, fit] += [found.cross_entropy, found.brier, found.distance, found.spread]
            times[fit] += 1
            errors.append(found.ece)
        means = np.divide(sums, times, out=np.full_like(sums, np.nan), where=times > 0)
        loss, brier, miss, differ = means
        return Marks(loss, brier, miss, differ, float(np.mean(errors)) if errors else float("nan"))

    def _score(self, name: str, h: int, marks: Marks) -> Score:
        known = ~np.isnan(marks.cross_entropy)
        count = int(known.sum())
        if not count:
            nan = float("nan")
            return Score(name, h + 1, nan, nan, nan, nan, nan, nan, nan, nan, 0)
        loss = self._estimate(h, marks.cross_entropy)
        base, ceiling = float(self._base[h].cross_entropy[known].mean()), float(self._ceiling[h][known].mean())
        return Score(
            forecaster=name,
            step=h + 1,
            cross_entropy=loss.value,
            low=loss.low,
            high=loss.high,
            brier=float(marks.brier[known].mean()),
            explained=explained_of(base, loss.value, ceiling),
            ece=marks.ece,
            k_raw=k_raw(marks.spread[known], marks.distance[known]),
            k_star=k_star(marks.spread[known], marks.distance[known], self._base[h].distance[known], self.strengths[h]),
            n_prompts=count,
        )

    def _estimate(self, h: int, values: np.ndarray) -> Estimate:
        """Mean over the prompts judged at step h, NaN ones left out, with the judge's own draws."""
        known = ~np.isnan(values)
        if not known.any():
            return Estimate(float("nan"), float("nan"), float("nan"))
        value = float(values[known].mean())
        if not np.isfinite(value):
            return Estimate(value, float("nan"), float("nan"))
        draws = self._draws[h][:, known]
        with np.errstate(invalid="ignore"):  # a draw of none of them is NaN, and so then is the interval
            return Estimate(value, *percentile_interval(draws @ values[known] / draws.sum(axis=1)))
