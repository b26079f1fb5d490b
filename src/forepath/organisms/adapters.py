"""Low-rank adapters trained beside a frozen model, and written as `peft` writes them.

Hu et al. 2021, LoRA, arXiv 2106.09685. A hook adds (alpha / rank) B A x to what a matrix answers; A starts random, B at
zero, so that training begins at the unchanged model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from forepath.errors import InputError


class Adapters(torch.nn.Module):
    """One pair (A, B) for every matrix whose name ends in one of `targets`."""

    def __init__(self, model: Any, rank: int, alpha: float, targets: tuple[str, ...], seed: int) -> None:
        """Hooks itself into `model`; call `remove` when done. Raises `InputError` if nothing matches."""
        super().__init__()
        self.rank, self.alpha, self.targets = rank, alpha, targets
        self.down, self.up = torch.nn.ParameterDict(), torch.nn.ParameterDict()
        self._handles: list[Any] = []
        generator = torch.Generator().manual_seed(seed)
        for path, module in model.named_modules():
            if path.rpartition(".")[2] in targets and isinstance(module, torch.nn.Linear):
                key = path.replace(".", "/")
                drawn = torch.randn(rank, module.in_features, generator=generator) / module.in_features**0.5
                self.down[key] = torch.nn.Parameter(drawn.to(module.weight.device))
                self.up[key] = torch.nn.Parameter(torch.zeros(module.out_features, rank, device=module.weight.device))
                self._handles.append(module.register_forward_hook(self._hook(key)))
        if not self._handles:
            raise InputError(f"no linear map of this model ends in {', '.join(targets)}; name some, e.g. q_proj")

    def _hook(self, key: str) -> Any:
        def add(_: torch.nn.Module, args: Any, output: torch.Tensor) -> torch.Tensor:
            low = torch.nn.functional.linear(args[0], self.down[key].to(args[0].dtype))
            return output + (self.alpha / self.rank) * torch.nn.functional.linear(low, self.up[key].to(low.dtype))

        return add

    def remove(self) -> None:
        """Take the hooks off the model."""
        for handle in self._handles:
            handle.remove()

    def save(self, folder: Path, base: str) -> None:
        """adapter_config.json and adapter_model.safetensors, as `peft` reads them. `base`: the model's name."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {}
        for key in self.down:
            path = "base_model.model." + key.replace("/", ".")
            tensors[f"{path}.lora_A.weight"] = self.down[key].detach().contiguous()
            tensors[f"{path}.lora_B.weight"] = self.up[key].detach().contiguous()
        save_file(tensors, folder / "adapter_model.safetensors")
        config = {
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base, "r": self.rank,
            "lora_alpha": self.alpha, "target_modules": list(self.targets), "bias": "none", "lora_dropout": 0.0,
            "fan_in_fan_out": False, "use_rslora": False, "use_dora": False, "inference_mode": True,
        }  # fmt: skip
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
