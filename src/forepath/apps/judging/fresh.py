"""New samples for a judge: other prompts or another policy, kept in the run group by group."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.judging.keeping import signature
from forepath.apps.labelling import observed_chain
from forepath.records import Chain, Futures, Policy, futures_of
from forepath.themes.labelling import label_all

FAMILY = "judging-samples"
GROUP = 8
"""Prompts sampled together: what a kill can lose."""
MOST_SAMPLES = 16
SEED = 101
"""Apart from the seeds of the run's own samples."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be written anew."""

    name: str
    rows: np.ndarray
    """(prompts,) indices of the run's prompts these stand for."""
    texts: tuple[str, ...]
    policy: Policy

    def key(self, case: Case) -> str:
        """Decided by all that decides what is written."""
        ids = [case.folds.prompts[i].id for i in self.rows]
        policy = {**asdict(self.policy), "stop": list(self.policy.stop)}
        return signature([ids, list(self.texts), policy, samples_of(case), case.settings.seed])


def samples_of(case: Case) -> int:
    """New samples per prompt."""
    return min(case.settings.samples, MOST_SAMPLES)


def written(case: Case, asked: Asked) -> Futures:
    """What the subject goes on to write after `asked.texts`, labelled like the run's own samples."""
    import pyarrow as pa

    from forepath.subjects.sampling import sample

    store, key, done = case.trial.store, asked.key(case), case.trial.store.done(FAMILY)
    chains: list[list[Chain]] = []
    for start in range(0, len(asked.rows), GROUP):
        case.report(f"new: {asked.name}", start, len(asked.rows), "prompts")
        item = f"{key}-{start:06d}"
        if item not in done:
            ids = [case.folds.prompts[i].id for i in asked.rows[start : start + GROUP]]
            texts = list(asked.texts[start : start + GROUP])
            trajectories, _ = sample(
                case.trial.subject, texts, prompt_ids=ids, samples=samples_of(case), seed=case.settings.seed + SEED,
                policy=asked.policy, max_rows=case.settings.max_rows or None,
            )  # fmt: skip
            judged = {t.id: observed_chain(t) for t in label_all(trajectories, case.labeller)[0]}
            found: list[Chain] = [judged.get(t.id, ()) for t in trajectories]  # not judged: unknown at every step
            table = pa.table(
                {
                    "id": pa.array([t.id for t in trajectories], pa.string()),
                    "text": pa.array([t.text for t in trajectories], pa.string()),
                    "finished": pa.array([t.finished for t in trajectories], pa.bool_()),
                    "chain": pa.array([list(c) for c in found], pa.list_(pa.string())),
                }
            )
            store.append(FAMILY, [item], table)
        rows = store.table(FAMILY, ["chain"], items=[item])["chain"].to_pylist()
        each = samples_of(case)
        chains += [[tuple(c) for c in rows[i : i + each]] for i in range(0, len(rows), each)]
    case.report(f"new: {asked.name}", len(asked.rows), len(asked.rows))
    return futures_of(chains, case.folds.futures.themes, case.judge.horizon)
