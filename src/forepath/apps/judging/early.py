"""The run's forecaster once more, fitted to the training prompts only, so that validation prompts are new to it.

What is learned about a forecaster (how its odds miss, what they are worth beside samples, which sets keep a promise)
must be learned on prompts it was not fitted on; the test prompts are for judging that. Hence this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forepath.apps.fitting import head
from forepath.apps.judging.case import Case
from forepath.forecasters.linear import LinearForecaster
from forepath.records import Forecast, Futures


@dataclass(frozen=True, slots=True)
class Early:
    """Fitted to the training prompts, with its forecasts of the others, chains and all."""

    forecaster: LinearForecaster
    features: np.ndarray
    """(prompts, width) of all prompts."""
    aside: np.ndarray
    """(validation prompts,) indices."""
    on_aside: Forecast
    on_test: Forecast
    after_aside: Futures
    after_test: Futures


def fit_early(case: Case) -> Early:
    """About the seconds of one fit with chains."""
    features = case.trial.store.arrays("activations", case.site)
    train, aside = (np.flatnonzero(case.folds.where(fold)) for fold in ("train", "validation"))
    made = head(case.settings).fit(features[train], case.futures(train))
    return Early(
        made, features, aside, made.predict(features[aside]), made.predict(features[case.test]),
        case.futures(aside), case.futures(case.test),
    )  # fmt: skip
