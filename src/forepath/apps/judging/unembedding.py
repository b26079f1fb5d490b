"""What the row `lens` reads: a site through the model's final norm, and themes as directions of its unembedding.

A theme's vector, per step ahead, is the mean unembedding of the tokens that begin texts in which that theme comes at
that step, less the mean over all texts; known prompts only. Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forepath.apps.judging.case import Case
from forepath.errors import InputError
from forepath.records import UNKNOWN

BEGUN = 8
"""Tokens of each text that say how it begins."""


def normed(case: Case, activations: np.ndarray) -> np.ndarray:
    """(prompts, width) float32 of the residual stream, through the model's final norm. Raises `InputError`."""
    import torch

    norm = case.trial.subject.anatomy.norm
    if norm is None:
        raise InputError("no final norm was found in this model: its layers cannot be read with its unembedding")
    like = next(iter(norm.parameters()), None)
    given = torch.from_numpy(np.asarray(activations, dtype=np.float32))
    if like is not None:
        given = given.to(like.device, like.dtype)
    with torch.inference_mode():
        return np.asarray(norm(given).float().cpu().numpy())


def theme_vectors(case: Case) -> np.ndarray:
    """(horizon, themes, width). Raises `InputError` for a model without an unembedding."""
    from scipy.sparse import csr_matrix

    layer = case.trial.subject.model.get_output_embeddings()
    if layer is None:
        raise InputError("this model has no unembedding to read its layers with")
    table = layer.weight.detach().float().cpu().numpy()
    tokens = _begun(case)
    steps = case.futures(case.known).steps
    count, themes = len(table), len(case.folds.futures.themes)
    vectors = []
    for h in range(steps.shape[2]):
        theme = np.repeat(steps[..., h].astype(int)[..., None], BEGUN, axis=2)
        seen = (theme != UNKNOWN) & (tokens >= 0) & (tokens < count)
        pairs = csr_matrix((np.ones(int(seen.sum())), (theme[seen], tokens[seen])), shape=(themes, count))
        totals = np.asarray(pairs.sum(axis=1))
        means = np.asarray(pairs @ table) / np.maximum(totals, 1.0)
        overall = (np.asarray(pairs.sum(axis=0)) @ table) / max(float(totals.sum()), 1.0)
        vectors.append(np.where(totals > 0, means - overall, 0.0))  # a theme that was never written points nowhere
    return np.stack(vectors)


def _begun(case: Case) -> np.ndarray:
    """(known prompts, samples, BEGUN) tokens, -1 where a text is shorter."""
    store = case.trial.store
    place = {case.folds.prompts[row].id: i for i, row in enumerate(case.known)}
    found = np.full((len(case.known), case.folds.futures.steps.shape[1], BEGUN), -1)
    for items in store.shards("trajectories"):
        for row in store.table("trajectories", ["prompt_id", "sample", "tokens"], items=items).to_pylist():
            if row["prompt_id"] in place:
                begun: Sequence[int] = row["tokens"][:BEGUN]
                found[place[row["prompt_id"]], row["sample"], : len(begun)] = begun
    return found
