"""The state of an unfinished training on disk: weights, optimisers and step, replaced as a whole or not at all.

Knows nothing of data or of when to save. A kill at any moment leaves the state before or the state after.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.errors import TrainingError

if TYPE_CHECKING:
    import torch


def save_state(
    folder: Path,
    recipe: Mapping[str, Any],
    step: int,
    model: torch.nn.Module,
    optimisers: Sequence[torch.optim.Optimizer],
) -> None:
    """Two files, the JSON last: it names the tensor file it belongs to, so a kill between them is harmless."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    name = f"state-{step:07d}.safetensors"
    save_file(_tensors(model, optimisers), folder / (name + ".part"))
    os.replace(folder / (name + ".part"), folder / name)
    part = folder / "state.json.part"
    with part.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps({"recipe": dict(recipe), "step": step, "tensors": name}))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, folder / "state.json")
    for old in folder.glob("state-*.safetensors*"):
        if old.name != name:
            old.unlink()


def load_state(
    folder: Path, recipe: Mapping[str, Any], model: torch.nn.Module, optimisers: Sequence[torch.optim.Optimizer]
) -> int:
    """Put the saved state into `model` and `optimisers`; the step to go on from, 0 where nothing was saved.

    Raises `TrainingError` if the state is of another recipe.
    """
    from safetensors.torch import load_file

    if not (folder / "state.json").exists():
        return 0
    saved = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if saved["recipe"] != dict(recipe):
        differs = sorted(k for k, v in recipe.items() if saved["recipe"].get(k) != v)
        raise TrainingError(
            f"{folder} holds a training of another recipe (differs in: {', '.join(differs)}); "
            "give another --out, or delete that folder"
        )
    tensors = load_file(folder / saved["tensors"])
    # Not strict: the tied output layer is a second name of the embedding and is saved once.
    model.load_state_dict({n: tensors[f"model.{n}"] for n, _ in model.named_parameters()}, strict=False)
    for o, optimiser in enumerate(optimisers):
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(f"optimiser.{o}."):
                _, _, index, name = key.split(".", 3)
                state.setdefault(int(index), {})[name] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return int(saved["step"])


def _tensors(model: torch.nn.Module, optimisers: Sequence[torch.optim.Optimizer]) -> dict[str, torch.Tensor]:
    tensors = {f"model.{n}": p.detach().clone() for n, p in model.named_parameters()}
    for o, optimiser in enumerate(optimisers):
        for p, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{o}.{p}.{key}": value.detach().clone() for key, value in state.items()}
    return tensors
