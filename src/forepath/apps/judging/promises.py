"""Sets that are to hold what happens 90 times in 100: do they, for whom, and how large beside the exact ones?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.early import Early
from forepath.apps.judging.groups import column_of
from forepath.errors import InputError
from forepath.forecasters.prediction_sets import PredictionSets
from forepath.records import Forecast
from forepath.stats.conformal import exact_size

WANTED = 0.9


def promises(case: Case, early: Early, exact: Forecast | None) -> list[dict[str, Any]]:
    """Per method and step (0: whole chains): coverage with its interval, mean size, the exact set's size where the
    world's odds are known, the group that is covered least. Calibrated on validation prompts, judged on test prompts.
    """
    column = column_of(case)
    groups = None if column is None else np.array([str(case.folds.prompts[i].extra[column]) for i in case.test])
    found: list[dict[str, Any]] = []
    for method in ("lac", "aps"):
        for step in (*range(1, case.judge.horizon + 1), 0):
            try:
                sets = PredictionSets.calibrate(
                    early.on_aside, early.after_aside, step=step, coverage=WANTED, method=method,
                    seed=case.settings.seed,
                )  # fmt: skip
            except InputError:  # no chains are listed
                continue
            judged = sets.judge(early.on_test, early.after_test, groups)
            least = min(judged.by_group.items(), key=lambda pair: pair[1][0], default=None)
            each = method == "aps"
            exactly = exact_size(exact.steps[:, step - 1], WANTED, each=each) if exact is not None and step else None
            found.append(
                {
                    "method": method,
                    "step": step,
                    "wanted": WANTED,
                    "coverage": asdict(judged.coverage),
                    "size": judged.size,
                    "exact_size": exactly,
                    "calibrated_on": sets.prompts,
                    "everything": bool(np.isinf(sets.threshold)),
                    "least_group": None if least is None else {"group": least[0], "coverage": least[1][0],
                                                               "prompts": least[1][1]},
                }
            )  # fmt: skip
    return found
