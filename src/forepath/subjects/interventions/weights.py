"""Other weights for a while: which tensors stand in for which parameters.

A swap is computed once and put in place by reference, so that a step of writing pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from forepath.errors import CheckpointError, InterventionError
from forepath.records import Intervention
from forepath.subjects import checkpoint
from forepath.subjects.interventions import adapters, editing, quantising
from forepath.subjects.interventions.making import digest

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

Swap = dict[torch.nn.Parameter, torch.Tensor]
"""Parameter -> what stands in for its data."""


def swapped(subject: HuggingFaceSubject, part: Intervention, before: Swap) -> Swap:
    """`before` with the changes of `part` on top. Raises `InterventionError`."""
    current: Callable[[torch.nn.Parameter], torch.Tensor] = lambda p: before.get(p, p.data)  # noqa: E731
    if "directory" in part.params:
        _same_files(part)
    with torch.no_grad():
        if part.kind == "swap":
            return _checkpoint(subject, Path(part.params["directory"]))
        if part.kind == "adapter":
            return before | adapters.swap(subject.model, part.params, current)
        if part.kind == "quantise":
            return before | quantising.swap(subject, part.params, current)
    return before | editing.swap(subject, part, current)


def _same_files(part: Intervention) -> None:
    folder = Path(part.params["directory"])
    if not folder.is_dir():
        raise InterventionError(f"{folder} is not there any more; the intervention names it")
    wanted = part.params.get("sha256")
    if wanted is not None and digest(folder) != wanted:
        raise InterventionError(f"{folder} has changed since the intervention was made; make it again")


def _checkpoint(subject: HuggingFaceSubject, folder: Path) -> Swap:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = subject.model
    try:
        checkpoint.check(folder, trust_remote_code=False)
    except CheckpointError as error:
        raise InterventionError(f"cannot swap in {folder}: {error}") from error
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.get_vocab() != subject.tokenizer.get_vocab():
        raise InterventionError(
            f"{folder} has another vocabulary than {subject.name}; swap weights of the same tokenizer"
        )
    other: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=model.dtype, use_safetensors=True)
    theirs = dict(other.named_parameters())
    mine = dict(model.named_parameters())
    odd = sorted(n for n in mine.keys() | theirs.keys()
                 if n not in mine or n not in theirs or mine[n].shape != theirs[n].shape)  # fmt: skip
    if type(other) is not type(model) or odd:
        raise InterventionError(
            f"{folder} holds a {type(other).__name__} that does not fit {subject.name} ({type(model).__name__}): "
            f"{', '.join(odd[:3]) or 'another architecture'}"
        )
    return {p: theirs[n].data.to(p.device) for n, p in mine.items()}
