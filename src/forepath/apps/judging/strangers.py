"""Does the run notice prompts unlike those it was fitted on? Kinds left out, told from kinds that were not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, get_args

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.groups import column_of, parts_of
from forepath.forecasters.novelty import Method, Novelty
from forepath.stats.auroc import auroc_estimate

FLAGGED = 0.95
"""Prompts less familiar than this share of the known ones are flagged."""


def strangers(case: Case) -> list[dict[str, Any]]:
    """Per method: AUROC of "unlike the known prompts", and the share of prompts that are flagged.

    Each test prompt is looked at twice: by a detector that never saw its part of the groups, and by one that never saw
    another part. Nothing where there are no groups.
    """
    column = column_of(case)
    if column is None:
        return []
    part = parts_of([str(p.extra[column]) for p in case.folds.prompts])
    if part.max() < 1:
        return []
    features = case.trial.store.arrays("activations", case.site)
    found = []
    for method in get_args(Method):
        new, usual = np.zeros(len(case.test)), np.zeros(len(case.test))
        for p in range(part.max() + 1):
            made = Novelty(method, seed=case.settings.seed).fit(features[case.known[part[case.known] != p]])
            unlike, mine = made.unlike(features[case.test]), part[case.test]
            new[mine == p] = unlike[mine == p]
            usual[(mine + 1) % (part.max() + 1) == p] = unlike[(mine + 1) % (part.max() + 1) == p]
        found.append(
            {
                "method": method,
                "by": column,
                "auroc": asdict(auroc_estimate(new, usual, seed=case.settings.seed)),
                "flagged_new": float((new >= FLAGGED).mean()),
                "flagged_old": float((usual >= FLAGGED).mean()),
                "n_prompts": len(new),
            }
        )
    return found
