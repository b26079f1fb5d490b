"""Train a small causal language model from nothing: one loop, resumable after kill, repeatable bit for bit on a CPU.

The loop knows nothing of what the tokens mean: it asks a `Batches` for step n and gets the same arrays whenever it
asks, so a resumed run continues on exactly the data it would have seen. The result is a Hugging Face directory
(config.json, model.safetensors, tokenizer.json) that loads by the same path as any user's model.

Hidden matrices are trained by Muon (Jordan et al. 2024, as in `torch.optim.Muon`), embeddings and gains by AdamW:
at this size that halves the tokens needed for a given loss. What it does not know: how good the model is; see `cards`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from forepath.errors import TrainingError
from forepath.organisms.states import load_state, save_state

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

IGNORE = -100
"""Target of a position that is not trained on (padding)."""
RECORD = "training.json"
"""File beside a finished model's weights that says what it was trained on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The shape of a model and how long it is trained. Data, not code: saved beside the checkpoint."""

    name: str
    vocab_size: int
    width: int
    layers: int
    heads: int
    context: int
    """Longest sequence, tokens."""
    rows: int
    """Sequences per step."""
    steps: int
    muon_rate: float = 0.02
    adam_rate: float = 3e-3
    warmup: int = 100
    cooldown: float = 0.6
    """Last share of the steps over which the rate falls linearly to zero."""
    weight_decay: float = 0.01
    embedding_spread: float = 0.02
    """Standard deviation of a fresh embedding. Tied embeddings pull words that stand in for one another together."""
    name_steps: int = 0
    """First steps on texts dense in repeated names (`documents` only)."""
    seed: int = 0
    store_dtype: str = "float32"
    """Type of the saved weights: 'float32' or 'bfloat16'."""

    @property
    def intermediate(self) -> int:
        """Width of the gated MLP: 8/3 of the model's, rounded down to a multiple of 32 (Shazeer 2020)."""
        return self.width * 8 // 3 // 32 * 32


Part = tuple[np.ndarray, np.ndarray]
"""(inputs, targets), each int64 (rows, length); targets are IGNORE where nothing is to be predicted."""


class Batches(Protocol):
    """Where training data comes from."""

    def __call__(self, step: int) -> Sequence[Part]:
        """The parts of one step, at least one. A part's rows are padded to the same length; parts may differ."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What the loop reports after a step."""

    step: int
    steps: int
    loss: float
    """Nats per token."""
    tokens_per_second: float
    """Targets trained on, per second."""
    validation: float | None = None
    """Nats per token on held-out data, on the steps where it was measured."""


def build(recipe: Recipe, end_id: int) -> LlamaForCausalLM:
    """A freshly initialised `LlamaForCausalLM` of the recipe's shape, weights drawn from its seed."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=recipe.vocab_size,
        hidden_size=recipe.width,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=end_id,
        eos_token_id=end_id,
        pad_token_id=end_id,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(recipe.embedding_spread / config.initializer_range)
    return model


def rate_at(recipe: Recipe, step: int) -> float:
    """Learning-rate multiplier in [0, 1]: linear warm-up, plateau, linear cool-down to zero.

    >>> r = Recipe("toy", 8, 8, 1, 1, 8, 1, steps=100, warmup=10, cooldown=0.5)
    >>> [round(rate_at(r, s), 2) for s in (0, 9, 40, 75, 99)]
    [0.1, 1.0, 1.0, 0.5, 0.02]
    """
    fall = recipe.cooldown * recipe.steps
    return min(1.0, (step + 1) / recipe.warmup, (recipe.steps - step) / fall)


def train(
    recipe: Recipe,
    batches: Batches,
    out: Path,
    *,
    end_id: int,
    validate: Callable[[LlamaForCausalLM], float] | None = None,
    validate_every: int = 250,
    checkpoint_seconds: float = 120.0,
    device: str | None = None,
    compile: bool = False,
    report: Callable[[Progress], None] | None = None,
) -> LlamaForCausalLM:
    """Train to the end of the recipe, or go on from where a killed training stopped.

    Writes `out/state/` (weights, optimiser, step: replaced atomically) and `out/losses.jsonl` while it runs.
    The caller saves the finished model. Raises `TrainingError` if the state belongs to another recipe or the loss
    is not finite.
    """
    import torch

    device = device or default_device()
    out.mkdir(parents=True, exist_ok=True)
    model = build(recipe, end_id)
    torch.nn.Module.to(model, device)
    if device == "cpu":
        from forepath.organisms.attention import use_causal_attention

        use_causal_attention(model)
    matrices, others = _split(model)
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=recipe.weight_decay, momentum=0.95),
        torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]
    first = load_state(out / "state", asdict(recipe), model, optimisers)
    log = out / "losses.jsonl"
    _truncate(log, first)
    body = torch.compile(model.model, dynamic=True) if compile else model.model
    saved = began = time.monotonic()
    seen = 0
    for step in range(first, recipe.steps):
        for optimiser, rate in zip(optimisers, (recipe.muon_rate, recipe.adam_rate), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * rate_at(recipe, step)
        loss, targets = _step(body, model.lm_head.weight, batches(step), optimisers, device)
        if not np.isfinite(loss):
            raise TrainingError(f"{recipe.name}: the loss became {loss} at step {step}; lower the rates in the recipe")
        seen += targets
        last = step + 1 == recipe.steps
        measured = validate is not None and ((step + 1) % validate_every == 0 or last)
        held_out = validate(model) if validate is not None and measured else None
        with log.open("a", encoding="utf-8") as stream:
            row = {"step": step, "loss": round(loss, 5)} | ({"validation": held_out} if measured else {})
            stream.write(json.dumps(row) + "\n")
        if report is not None:
            report(Progress(step + 1, recipe.steps, loss, seen / (time.monotonic() - began), held_out))
        if last or time.monotonic() - saved > checkpoint_seconds:
            save_state(out / "state", asdict(recipe), step + 1, model, optimisers)
            saved = time.monotonic()
    return model


def _truncate(log: Path, first: int) -> None:
    """Drop the lines of steps that will be done again, so that a resumed log equals an uninterrupted one."""
    if log.exists():
        lines = [line for line in log.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        log.write_text("".join(lines[:first]), encoding="utf-8")


def default_device() -> str:
    """'cuda' where there is one, else 'cpu'."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def has_bfloat16(device: str) -> bool:
    """Whether matrix products in bfloat16 are faster than in float32: any GPU, CPUs with AVX512-BF16 or AMX.

    Elsewhere the CPU emulates them and a training would take several times as long.
    """
    import torch

    if not device.startswith("cpu"):
        return True
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _step(
    body: Any, embedding: torch.Tensor, parts: Sequence[Part], optimisers: list[torch.optim.Optimizer], device: str
) -> tuple[float, int]:
    """One update on the mean loss over all targets of all parts: (that loss in nats, number of targets)."""
    import torch

    from forepath.organisms.loss import tied_cross_entropy

    low = torch.bfloat16 if has_bfloat16(device) else torch.float32
    counts = [int((targets != IGNORE).sum()) for _, targets in parts]
    total = 0.0
    for part, count in zip(parts, counts, strict=True):
        inputs, targets = (torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in part)
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=low is torch.bfloat16):
            hidden = body(input_ids=inputs, use_cache=False).last_hidden_state
        loss = tied_cross_entropy(hidden.to(low).flatten(0, 1), embedding, targets.flatten())
        torch.autograd.backward(loss * (count / sum(counts)))
        total += float(loss.detach()) * count
    torch.nn.utils.clip_grad_norm_([p for o in optimisers for g in o.param_groups for p in g["params"]], 1.0)
    for optimiser in optimisers:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return total / sum(counts), sum(counts)


def _split(model: LlamaForCausalLM) -> tuple[list[Any], list[Any]]:
    """Hidden matrices (for Muon) and everything else (for AdamW)."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n and "lm_head" not in n]
    chosen = {id(p) for p in matrices}
    return matrices, [p for p in model.parameters() if id(p) not in chosen]


def save_model(model: LlamaForCausalLM, tokenizer: Any, folder: Path, *, dtype: str = "float32") -> None:
    """Write config.json, generation_config.json, model.safetensors and the tokenizer's files to `folder`."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    torch.nn.Module.to(model, getattr(torch, dtype))
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def smoke(recipe: Recipe, steps: int) -> Recipe:
    """The same recipe, stopped early: for tests and trials."""
    return replace(recipe, steps=steps, warmup=min(recipe.warmup, max(1, steps // 2)))
