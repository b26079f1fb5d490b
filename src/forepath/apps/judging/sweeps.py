"""What was chosen and what it would have been otherwise: site and normalisation, training prompts and samples.

Chosen on validation prompts; the test column is there to be read, never to choose by.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.together import results, together
from forepath.forecasters.linear import LinearForecaster, Normalise
from forepath.records import Futures
from forepath.stats.losses import mean_loss

NORMALISATIONS: tuple[Normalise, ...] = ("standardise", "layernorm", "none")
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the training prompts."""
SAMPLES = (1, 2, 4, 8, 16, 32)
LEAST = 10
"""Training prompts of a point of the curve."""
FEW_SHARES, FEW_SAMPLES = (1 / 16, 1 / 4, 1.0), (1, 8)
"""Of the product of everything, which is made only where the judge is to be thorough; beside all samples."""


def sweeps(case: Case) -> dict[str, Any]:
    """{"sites": a row per site and normalisation, "sizes": a row per number of training prompts and of samples,
    "chosen": what the validation prompts choose, "grid": the product of all four, where it is asked for}. Losses are
    cross-entropies in nats, means over the steps. A site is a layer at a position.
    """
    names = sorted(case.trial.store.array_names("activations"))
    grid = [(site, how) for site in names for how in NORMALISATIONS]
    works = [(f"{site} {how}", partial(_losses, case, site, how, 1.0, case.settings.samples)) for site, how in grid]
    made = results(together(works, stage="sweep sites", report=case.report))
    sites: list[dict[str, Any]] = [
        {"site": site, "normalise": how} | losses for (site, how), losses in zip(grid, made, strict=True)
    ]
    able = [row for row in sites if row["site"] != "logits" and row["validation"] is not None]
    chosen = min(able, key=lambda row: row["validation"]) if able else None
    usual = normalisation(case)
    train = int(case.folds.where("train").sum())
    pairs = [(share, k) for share in SHARES for k in (*SAMPLES, case.settings.samples)
             if share * train >= LEAST and k <= case.settings.samples]  # fmt: skip
    pairs = sorted(set(pairs))
    works = [(f"{round(share * train)} prompts, {k} samples", partial(_losses, case, case.site, usual, share, k))
             for share, k in pairs]  # fmt: skip
    made = results(together(works, stage="sweep sizes", report=case.report))
    sizes = [{"prompts": round(share * train), "samples": k} | losses
             for (share, k), losses in zip(pairs, made, strict=True)]  # fmt: skip
    return {"sites": sites, "sizes": sizes, "chosen": chosen, "grid": _grid(case, names, train)}


def _grid(case: Case, names: list[str], train: int) -> list[dict[str, Any]]:
    """A row per site, normalisation, number of training prompts and of samples; none unless the judge is thorough."""
    if not case.options.thorough:
        return []
    samples = sorted({k for k in (*FEW_SAMPLES, case.settings.samples) if k <= case.settings.samples})
    shares = [share for share in FEW_SHARES if share * train >= LEAST]
    points = list(product(names, NORMALISATIONS, shares, samples))
    works = [(f"{site} {how} {share:g} {k}", partial(_losses, case, site, how, share, k))
             for site, how, share, k in points]  # fmt: skip
    made = results(together(works, stage="sweep everything", report=case.report))
    return [
        {"site": site, "normalise": how, "prompts": round(share * train), "samples": k} | losses
        for (site, how, share, k), losses in zip(points, made, strict=True)
    ]


def normalisation(case: Case) -> Normalise:
    """The run's own."""
    return next(how for how in NORMALISATIONS if how == case.settings.normalise)


def _losses(case: Case, site: str, how: Normalise, share: float, samples: int) -> dict[str, float | None]:
    """{"validation", "test"} of a head fitted to a share of the training prompts and some of their samples."""

    def work() -> dict[str, float]:
        rows = np.flatnonzero(case.folds.where("train"))
        order = np.random.default_rng([case.settings.seed, 7]).permutation(rows)  # so that less is a part of more
        rows = np.sort(order[: round(share * len(rows))])
        features = case.trial.store.arrays("activations", site)
        made = LinearForecaster(how, chains=False, seed=case.settings.seed).fit(
            features[rows], _some(case.futures(rows), samples)
        )
        asked = {"validation": np.flatnonzero(case.folds.where("validation")), "test": case.test}
        return {name: mean_loss(made.predict(features[r]), case.futures(r)) for name, r in asked.items()}

    found: dict[str, float | None] = case.kept.note(f"sweep {site} {how} {share:g} {samples}", work)
    return found


def _some(futures: Futures, samples: int) -> Futures:
    return replace(futures, steps=futures.steps[:, :samples])
