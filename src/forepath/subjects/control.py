"""The control every probe needs: a model of the same shape that has learned nothing.

What a forecaster can read from untrained activations is a property of the prompt and of the architecture, not of
what the model has learned.
"""

from __future__ import annotations

import torch

from forepath.subjects.huggingface import HuggingFaceSubject


def randomised(subject: HuggingFaceSubject, seed: int = 0) -> HuggingFaceSubject:
    """The same architecture and tokenizer with freshly initialised weights, drawn from `seed`."""
    model = subject.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = type(model)(model.config).to(dtype=model.dtype, device=model.device)
    return HuggingFaceSubject(
        fresh,
        subject.tokenizer,
        name=f"{subject.name}, random weights",
        fingerprint=f"random-{seed}-{subject.fingerprint}",
        chat=subject.chat,
    )
