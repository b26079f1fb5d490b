"""Stage three: from activations to odds. The site is chosen on validation prompts; test prompts are never looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from forepath.apps.judging.together import results, together
from forepath.apps.labelling import Folds, read_codebook, read_folds
from forepath.apps.progress import Report, silent
from forepath.apps.sampling import sites_of
from forepath.apps.settings import Settings
from forepath.errors import InputError
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.saving import Origin
from forepath.stats.judge import Judge
from forepath.store import Run

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject


def write_forecasters(store: Run, settings: Settings, subject: HuggingFaceSubject, report: Report) -> None:
    """Document `sweep` (validation cross-entropy per site) and folder `forecaster` (the best, fitted again)."""
    if store.has("forecaster"):
        return
    folds = read_folds(store, settings)
    sites = [s for s in sites_of(settings, subject) if s != "logits"]
    sweep, by_step = {}, {}
    for i, site in enumerate(sites):
        losses = validation_losses(head(settings, chains=False), store.arrays("activations", site), folds)
        sweep[site] = float(np.nanmean(losses))
        by_step[site] = [None if np.isnan(loss) else loss for loss in losses]
        report("fit", i, len(sites) + 1, site)
    best = min(sweep, key=lambda site: sweep[site])
    forecaster = head(settings).fit(store.arrays("activations", best)[folds.where("train", "validation")],
                                    folds.of("train", "validation"))  # fmt: skip
    origin = Origin(
        subject=subject.fingerprint,
        codebook=read_codebook(store).id,
        site=best,
        policy=settings.policy,
        prompts=int(folds.where("train", "validation").sum()),
        samples=settings.samples,
        seed=settings.seed,
    )
    store.write_document("sweep", {"site": best, "validation_cross_entropy": sweep, "by_step": by_step})
    with store.write_folder("forecaster") as folder:
        forecaster.save(folder, origin)
    report("fit", len(sites) + 1, len(sites) + 1, best)


def head(settings: Settings, *, chains: bool = True) -> LinearForecaster:
    """The head that every forecaster and rival of a run gets: same penalties tried, same normalisation."""
    return LinearForecaster(settings.normalise, chains=chains, seed=settings.seed)  # type: ignore[arg-type]


def best_site(settings: Settings, read: Mapping[str, np.ndarray], sites: Sequence[str], folds: Folds) -> str:
    """Of these, where the head is best on validation prompts; a core for each fit."""
    works = [(site, partial(validation_loss, head(settings, chains=False), read[site], folds)) for site in sites]
    losses = results(together(works, stage="sites", report=silent))
    return sites[int(np.argmin(losses))]


def validation_loss(forecaster: LinearForecaster, features: np.ndarray, folds: Folds) -> float:
    """The mean of `validation_losses` over the steps that could be judged."""
    return float(np.nanmean(validation_losses(forecaster, features, folds)))


def validation_losses(forecaster: LinearForecaster, features: np.ndarray, folds: Folds) -> list[float]:
    """Cross-entropy of each step, nats: fitted on the training prompts, measured on the validation prompts.

    NaN for a step at which nothing could be judged. Raises `InputError` if no validation prompt has two samples that
    were observed at any step.
    """
    forecaster.fit(features[folds.where("train")], folds.of("train"))
    forecast = forecaster.predict(features[folds.where("validation")])
    scores = Judge(folds.of("validation"), folds.of("train"), seed=0).score("", forecast)
    losses = [s.cross_entropy for s in scores]
    if np.isnan(losses).all():
        raise InputError(
            f"none of {int(folds.where('validation').sum())} validation prompts has two samples with a theme in them: "
            "the texts are too short or could not be labelled, and no layer can be chosen; raise max_tokens or "
            "samples, or give more prompts"
        )
    return losses
