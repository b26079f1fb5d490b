"""What texts cost the unchanged model: nats per token, by reading them again. Knows subjects, not themes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forepath.records import Trajectory

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

BATCH_TOKENS = 8192
"""Tokens read at a time, padding counted."""


def surprises(subject: HuggingFaceSubject, trajectories: Sequence[Trajectory]) -> dict[str, float]:
    """Mean -ln P(token) of each trajectory's written tokens after its prompt, by id; NaN where nothing was written.

    exp of it is the perplexity. Read without intervention, whatever the trajectory was written under: the base model is
    the judge, and it finds its own samples likely, so that only a difference between two sides means something.
    """
    import torch

    rows = [
        (t.id, len(ids), [*ids, *t.tokens])
        for t, ids in zip(trajectories, subject.encode([t.prompt for t in trajectories]), strict=True)
    ]
    out = {key: float("nan") for key, _, _ in rows}
    rows = sorted((r for r in rows if len(r[2]) > r[1]), key=lambda r: len(r[2]))
    while rows:
        size = max(1, BATCH_TOKENS // len(rows[-1][2]))
        rows, batch = rows[:-size], rows[-size:]
        ids = torch.zeros(len(batch), len(batch[-1][2]), dtype=torch.long)
        for row, (_, _, tokens) in zip(ids, batch, strict=True):
            row[: len(tokens)] = torch.tensor(tokens)
        ids = ids.to(subject.model.device)
        with torch.inference_mode():  # padding stands behind a text: under a causal mask no token sees it
            logits = subject.model(input_ids=ids, use_cache=False).logits[:, :-1].float()
            lost = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none").cpu().numpy()
        for (key, begin, tokens), nats in zip(batch, lost, strict=True):
            out[key] = float(np.mean(nats[begin - 1 : len(tokens) - 1]))
    return out
