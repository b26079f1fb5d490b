"""Before anything is judged: can the test be known from what the forecasters were fitted on?"""

from __future__ import annotations

from collections.abc import Iterator

from forepath.apps.judging.case import Case
from forepath.apps.labelling import read_codebook
from forepath.errors import LeakError
from forepath.themes.leaks import Leak, find_leaks


def check_leaks(case: Case) -> list[Leak]:
    """What was found, none if all is well. Raises `LeakError` for any leak unless the options allow them."""
    given = case.settings.codebook is not None  # a codebook that was given was fitted on nothing of this run
    leaks = find_leaks(
        case.texts,
        case.folds.folds.tolist(),
        codebook=None if given else read_codebook(case.trial.store),
        known=_written(case, test=False),
        test=_written(case, test=True),
    )
    if leaks and not case.options.allow_leaks:
        told = "; ".join(f"({i + 1}) {leak.what}" for i, leak in enumerate(leaks))
        raise LeakError(
            f"{case.trial.store.path} cannot be judged, for its test can be known beforehand: {told}. To judge it all "
            "the same, and be told so at the top of the report: --allow-leaks"
        )
    return leaks


def _written(case: Case, *, test: bool) -> Iterator[str]:
    """The continuations of the test prompts, or of all others, a shard in memory at a time."""
    store = case.trial.store
    inside = {p.id for p, t in zip(case.folds.prompts, case.folds.where("test"), strict=True) if t == test}
    for items in store.shards("trajectories"):
        table = store.table("trajectories", ["prompt_id", "text"], items=items)
        yield from (row["text"] for row in table.to_pylist() if row["prompt_id"] in inside)
