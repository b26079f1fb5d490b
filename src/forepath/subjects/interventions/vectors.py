"""Numbers that an intervention needs from the subject itself: what it has at a place while it reads given texts.

Read from the subject as it is, without any change in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from forepath.errors import InterventionError
from forepath.subjects.decoding import prefill
from forepath.subjects.interventions.targets import Target

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

BATCH = 32
"""Texts read at a time."""


def read(subject: HuggingFaceSubject, target: Target, texts: Sequence[str]) -> list[torch.Tensor]:
    """(positions, width) float32 of each text, at `target`."""
    return read_ids(subject, target, subject.encode(texts))


def read_ids(subject: HuggingFaceSubject, target: Target, encoded: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """The same for token ids."""
    kept: list[torch.Tensor] = []
    out: list[torch.Tensor] = []
    batch: Sequence[Sequence[int]] = ()

    def keep(value: torch.Tensor) -> torch.Tensor:
        kept.append(value.detach().reshape(len(batch), -1, value.shape[-1]).clone())
        return value

    handles = target.hook(keep)
    try:
        with torch.inference_mode():
            for begin in range(0, len(encoded), BATCH):
                kept.clear()
                batch = encoded[begin : begin + BATCH]
                prefill(subject.model, batch)
                if len(kept) != 1:
                    raise InterventionError(f"{target.name} was passed {len(kept)} times in one reading; wanted once")
                out += [row[: len(ids)].float() for row, ids in zip(kept[0], batch, strict=True)]
    finally:
        for handle in handles:
            handle.remove()
    return [value.clone() for value in out]


def resolve(subject: HuggingFaceSubject, target: Target, given: Any) -> torch.Tensor:
    """(width,) float32: numbers as they are, a contrast of texts, or a stored vector. Raises `InterventionError`."""
    if isinstance(given, Mapping) and "file" in given:
        vector = _stored(given)
    elif isinstance(given, Mapping):
        means = [_mean(read(subject, target, given[side]), given["read"]) for side in ("positive", "negative")]
        vector = means[0] - means[1]
        if not float(vector.norm()) > 0:
            raise InterventionError(f"{target.name}: the contrasted texts have the same activations; give others")
        vector = vector / vector.norm() if given.get("unit") else vector
    else:
        vector = torch.tensor(given, dtype=torch.float32)
    if vector.shape != (target.width,):
        raise InterventionError(f"{target.name} has {target.width} entries; the vector has shape {tuple(vector.shape)}")
    return vector.to(subject.model.device)


def difference(subject: HuggingFaceSubject, target: Target, positive: str, negative: str) -> torch.Tensor:
    """(positions, width) of two prompts, position by position; the shorter is padded with spaces (ActAdd)."""
    ids = [list(row) for row in subject.encode([positive, negative])]
    # A tokenizer without a token for spaces (one of words) pads with the end token.
    space = subject.tokenizer(" ", add_special_tokens=False)["input_ids"][-1:] or sorted(subject.end_ids)[:1]
    longest = max(map(len, ids))
    one, other = read_ids(subject, target, [row + space * (longest - len(row)) for row in ids])
    return one - other


def _mean(values: Sequence[torch.Tensor], read: str) -> torch.Tensor:
    each = [v[-1] if read == "last" else v.mean(0) for v in values]
    return torch.stack(each).mean(0)


def _stored(given: Mapping[str, Any]) -> torch.Tensor:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        data = Path(given["file"]).read_bytes()
    except OSError as error:
        raise InterventionError(f"the vector in {given['file']} cannot be read: {error}") from error
    if given.get("sha256") not in (None, hashlib.sha256(data).hexdigest()):
        raise InterventionError(f"{given['file']} has changed since the intervention was made; make it again")
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise InterventionError(f"{given['file']} is no safetensors file ({error}); give one") from error
    if given["key"] not in tensors:
        raise InterventionError(f"{given['file']} has no {given['key']!r}; it has {', '.join(sorted(tensors))}")
    found = tensors[given["key"]].float()
    if "row" not in given:
        return found.reshape(-1)
    if found.ndim != 2 or not 0 <= given["row"] < len(found):
        raise InterventionError(f"{given['key']!r} of {given['file']} is {tuple(found.shape)}: no row {given['row']}")
    return found[given["row"]]
