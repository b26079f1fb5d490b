"""The picture of a scored run that says whether 30 % happens 30 % of the time: the next theme, all and one by one."""

from __future__ import annotations

from pathlib import Path

from forepath.apps.judging.calibrations import curves
from forepath.apps.judging.figures import reliability_curves
from forepath.apps.judging.page import small_page
from forepath.apps.labelling import read_folds
from forepath.apps.settings import settings_in
from forepath.errors import InputError
from forepath.forecasters.linear import LinearForecaster
from forepath.store import Run


def write_reliability(run: Path | str, path: Path | str) -> Path:
    """Write one HTML page, no script, nothing fetched: the run's own forecaster on its test prompts.

    Raises `InputError` for a path that cannot be written, `RunIncompleteError` for a run that has no forecaster yet.
    """
    store = Run.open(run)
    settings = settings_in(store)
    store.read_document("scores")  # a run that is not finished says so
    folds = read_folds(store, settings)
    site = str(store.read_document("sweep")["site"])
    features = store.arrays("activations", site)[folds.where("test")]
    forecast = LinearForecaster.load(store.folder("forecaster")).predict(features)
    shares, seen = folds.of("test").frequencies()
    charts = reliability_curves({"calibration": {"curves": curves(forecast, shares, seen)}})
    title = f"{settings.subject}: how reliable linear@{site} is on {len(features)} test prompts"
    told = (
        "Prompts sorted by the odds they were given; bars are 95 % intervals. On the diagonal, odds mean what they say."
    )
    try:
        Path(path).write_text(small_page(title, told, charts), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); give a path in an existing folder") from error
    return Path(path)
