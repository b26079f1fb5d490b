"""LoRA adapters, merged while they are in force: W + scale * alpha / r * B A.

Reads the files that `peft` writes (adapter_config.json, adapter_model.safetensors) without needing it. Hu et al. 2021,
LoRA, arXiv 2106.09685; Kalajdzievski 2023 for the root-rank scale, arXiv 2312.03732.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from forepath.errors import InterventionError

_PLAIN: dict[str, Any] = {
    "use_dora": False, "modules_to_save": None, "rank_pattern": {}, "alpha_pattern": {}, "bias": "none",
    "layer_replication": None,
}  # fmt: skip
"""Settings that are understood only at these values."""
_FRONT = "base_model.model."


def swap(
    model: Any, params: Mapping[str, Any], current: Callable[[torch.nn.Parameter], torch.Tensor]
) -> dict[torch.nn.Parameter, torch.Tensor]:
    """The adapted matrices of `model`. Raises `InterventionError` for an adapter that does not fit it."""
    folder = Path(params["directory"])
    config, tensors = _read(folder)
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank) * float(params.get("scale", 1.0))
    modules = dict(model.named_modules())
    found: dict[torch.nn.Parameter, torch.Tensor] = {}
    for key, down in tensors.items():
        if not key.endswith(".lora_A.weight"):
            continue
        path = key.removeprefix(_FRONT).removesuffix(".lora_A.weight")
        up = tensors.get(key.replace(".lora_A.", ".lora_B."))
        weight = getattr(modules.get(path), "weight", None)
        if up is None or weight is None:
            raise InterventionError(f"{folder} adapts {path!r}, which this model does not have; use its own base model")
        delta = scale * (up.float() @ down.float())
        delta = delta.T if config.get("fan_in_fan_out") else delta
        if delta.shape != weight.shape:
            raise InterventionError(f"{folder}: {path!r} is {tuple(weight.shape)}, the adapter {tuple(delta.shape)}")
        base = current(weight)
        found[weight] = (base.float() + delta.to(base.device)).to(base.dtype)
    if not found or sum(k.endswith(".lora_A.weight") for k in tensors) * 2 != len(tensors):
        raise InterventionError(f"{folder} holds other tensors than pairs of lora_A and lora_B: {sorted(tensors)[:4]}")
    return found


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "adapter_model.safetensors")
    except (OSError, ValueError) as error:
        raise InterventionError(
            f"{folder} is not a LoRA adapter ({error}); wanted adapter_config.json and adapter_model.safetensors"
        ) from error
    used = [k for k, plain in _PLAIN.items() if config.get(k) not in (None, plain)]
    if config.get("peft_type") != "LORA" or used:
        raise InterventionError(
            f"{folder}: a {config.get('peft_type')} adapter with {used}; only plain LoRA is understood"
        )
    return config, tensors
