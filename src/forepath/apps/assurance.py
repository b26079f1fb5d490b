"""What stands beside the forecasts of a run: intervals, sets that hold what is written, whether a prompt is strange.

Fitted once from what the run holds, without its model, and kept in it as the folder `assurance` (safetensors and JSON).
Intervals come from the same head fitted to prompts drawn again (`forecasters.ensemble`); sets are calibrated on the
test prompts, on which nothing was fitted or chosen, so that their promise is kept for new prompts like those
(`forecasters.prediction_sets`); strangeness is a rank among the prompts it was fitted on (`forecasters.novelty`).
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from forepath.apps.fitting import head
from forepath.apps.labelling import read_folds
from forepath.apps.runs import OpenRun, open_run
from forepath.errors import RunCorruptError
from forepath.forecasters.ensemble import Ensemble
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.novelty import Novelty
from forepath.forecasters.prediction_sets import PredictionSets
from forepath.forecasters.saving import Origin
from forepath.records import Forecast
from forepath.store import Run

FOLDER = "assurance"
MEMBERS = 20
"""Forecasters fitted to prompts drawn again."""
WANTED = 0.9
"""Coverage of the sets."""
FLAGGED = 0.99
"""From this share of nearer training prompts on, a prompt is called strange: 1 in 100 of the old kind is, too."""
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Assurance:
    """All three, fitted."""

    ensemble: Ensemble
    sets: tuple[PredictionSets, ...]
    """By step."""
    novelty: Novelty

    def interval(self, activations: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((rows, horizon, themes) lower and upper ends, 95 %) around the odds `steps` of the run's own forecaster.

        1.96 bootstrap standard errors on the scale of log odds: what another draw of as many prompts would have made of
        the odds. Errors that all draws share (a linear head on one site) are not in it.
        """
        drawn = np.stack([forecast.steps for forecast in self.ensemble.forecasts(activations)])
        half = 1.96 * _log_odds(drawn).std(axis=0, ddof=1)
        middle = _log_odds(steps)
        return 1 / (1 + np.exp(half - middle)), 1 / (1 + np.exp(-half - middle))

    def holding(self, forecast: Forecast) -> list[list[tuple[int, ...]]]:
        """Per row and step, the themes of the set, likeliest first."""
        inside = [sets.contains(forecast) for sets in self.sets]
        order = np.argsort(-forecast.steps, axis=-1, kind="stable")
        return [
            [tuple(t for t in order[row, h].tolist() if inside[h][row, t]) for h in range(len(self.sets))]
            for row in range(len(forecast.steps))
        ]


def assure(run: OpenRun) -> Assurance:
    """What the run keeps; fitted and kept at first use.

    Raises `RunIncompleteError` for a run without a forecaster, `RunError` if another process is writing the run.
    """
    if not run.store.has(FOLDER):
        made = fit_assurance(run)
        with Run.open(run.path).write_folder(FOLDER) as folder:  # of its own: a lock is for one thread
            _write(made, folder, _origin(run))
        return made
    return _read(run, run.store.folder(FOLDER))


def fit_assurance(run: OpenRun) -> Assurance:
    """Fit all three; nothing is written. Raises `RunIncompleteError` for a run without a forecaster."""
    forecaster, site = run.forecaster, _origin(run).site
    folds, read = read_folds(run.store, run.settings), run.store.arrays("activations", site)
    known, futures = read[folds.where("train", "validation")], folds.of("train", "validation")
    ensemble = Ensemble(lambda: head(run.settings, chains=False), members=MEMBERS, seed=run.settings.seed)
    ensemble.fit(known, futures)
    forecast = Forecast(forecaster.themes, forecaster.odds(read[folds.where("test")]))
    sets = tuple(
        PredictionSets.calibrate(forecast, folds.of("test"), step=step, coverage=WANTED, method="lac")
        for step in range(1, forecast.steps.shape[1] + 1)
    )  # lac draws no lots: one prompt's set does not hang on luck
    return Assurance(ensemble, sets, Novelty(seed=run.settings.seed).fit(known))


def _write(made: Assurance, folder: Path, origin: Origin) -> None:
    for i, member in enumerate(made.ensemble.members):
        assert isinstance(member, LinearForecaster)  # `head` makes no others
        member.save(folder / f"member-{i:02d}", origin)
    made.novelty.save(folder / "novelty", origin)
    rows = [{**asdict(s), "threshold": s.threshold if np.isfinite(s.threshold) else "inf"} for s in made.sets]
    (folder / "sets.json").write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _read(run: OpenRun, folder: Path) -> Assurance:
    origin = _origin(run)
    wanted = {"subject": origin.subject, "codebook": origin.codebook, "site": origin.site}
    ensemble = Ensemble(lambda: head(run.settings, chains=False), members=MEMBERS, seed=run.settings.seed)
    ensemble.whole = run.forecaster
    ensemble.members = [LinearForecaster.load(path, **wanted) for path in sorted(folder.glob("member-*"))]
    try:
        rows = json.loads((folder / "sets.json").read_text(encoding="utf-8"))
        sets = tuple(PredictionSets(**{**row, "threshold": float(row["threshold"])}) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunCorruptError(
            f"{folder} holds no readable sets ({error}); delete it, and it is fitted again"
        ) from error
    return Assurance(ensemble, sets, Novelty.load(folder / "novelty", **wanted))


def _origin(run: OpenRun) -> Origin:
    assert run.forecaster.origin is not None  # a loaded forecaster has one
    return run.forecaster.origin


def _log_odds(odds: np.ndarray) -> np.ndarray:
    held = np.clip(odds, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(held) - np.log1p(-held))


if __name__ == "__main__":  # what the dashboard starts beside itself
    os.nice(10)
    assure(open_run(Path(sys.argv[1])))
