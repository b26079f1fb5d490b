"""What the row `lens` reads: a site through the model's final norm, and themes as directions of its unembedding.

A theme's vector, per step ahead, is the mean unembedding of the tokens that begin texts in which that theme comes at
that step, less the mean over all texts; known prompts only. Nothing is trained.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from forepath.apps.judging.case import Case
from forepath.apps.labelling import read_codebook
from forepath.errors import InputError
from forepath.records import UNKNOWN

BEGUN = 8
"""Tokens of each text that say how it begins."""
SENTENCE = 10
"""Tokens of each sentence of a theme's examples that say how it begins."""


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

    table, tokens = _unembedding(case), _begun(case)
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


def described_scores(case: Case, site: str) -> np.ndarray:
    """(prompts, themes) of each prompt at `site`, a score for each theme, made from its examples, not from futures.

    A theme's vector is the mean unembedding of the tokens that begin the sentences of its examples in the codebook, or
    of its description; less the mean over the themes. 0 for a theme without either. Raises `InputError`.
    """
    table, themes = _unembedding(case), case.folds.futures.themes
    written = {t.name: t for t in read_codebook(case.trial.store).themes}
    vectors = np.zeros((len(themes), table.shape[1]))
    for i, name in enumerate(themes):
        texts = (written[name].examples or (written[name].description,)) if name in written else ()
        tokens = [t for text in texts for part in _sentences(text) for t in _tokens(case, part)[:SENTENCE]]
        if tokens:
            vectors[i] = table[tokens].mean(axis=0)
    told = vectors.any(axis=1)
    vectors[told] -= vectors[told].mean(axis=0)
    scores: np.ndarray = normed(case, case.trial.store.arrays("activations", site)) @ vectors.T
    return scores


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", text) if part.strip()]


def _tokens(case: Case, text: str) -> list[int]:
    return list(case.trial.subject.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _unembedding(case: Case) -> np.ndarray:
    """(vocabulary, width)"""
    layer = case.trial.subject.model.get_output_embeddings()
    if layer is None:
        raise InputError("this model has no unembedding to read its layers with")
    return np.asarray(layer.weight.detach().float().cpu().numpy())


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
