"""Language models trained to write themes after a prompt's text: LoRA on the subject itself, or a small text encoder.

Both start from a linear forecaster, of the subject's activations or of the prompt's words, and add to its logits, as
the chain transformer does (`writing`): at worst nothing. Text in, so that their door takes prompts. These are the only
forecasters that look inside a model; they reach it through `subjects`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from forepath.errors import InputError, MissingExtraError, UnfittedError
from forepath.forecasters.chain import OFTEN, writer_of, writer_parts
from forepath.forecasters.inputs import checked_reads, checked_reads_pair
from forepath.forecasters.saving import Origin, read_arrays, write_arrays
from forepath.forecasters.texts import Reader, SubjectReader, TfidfReader, checked_prompts, checked_texts
from forepath.records import Forecast, Futures

if TYPE_CHECKING:
    from torch import Tensor, nn

    from forepath.forecasters.writing import Writer
    from forepath.subjects.huggingface import HuggingFaceSubject

Tune = Literal["lora", "all"]


def lora(
    subject: HuggingFaceSubject,
    *,
    site: str,
    layers: int = 2,
    rank: int = 8,
    steps: int = 120,
    rate: float = 2e-3,
    seed: int = 0,
    known: Mapping[str, np.ndarray] | None = None,
) -> FineTuned:
    """Low-rank changes (Hu et al. 2021, arXiv:2106.09685) to the last `layers` blocks of a copy of the subject.

    The subject itself is left as it is. `site`: whose linear forecaster it starts from; `known`: (width,) of prompts
    that were read there before. Raises `MissingExtraError`
    without `peft`, `InputError` for sizes that make no sense.
    """
    count = subject.model.config.get_text_config().num_hidden_layers
    if not 1 <= layers <= count or rank < 1:
        raise InputError(f"LoRA of rank {rank} on {layers} blocks; {subject.name} has {count}; a rank is at least 1")
    return FineTuned(
        subject.model, subject.tokenizer, SubjectReader(subject, site, known), name=subject.fingerprint, tune="lora",
        layers=layers, rank=rank, steps=steps, rate=rate, seed=seed,
    )  # fmt: skip


def encoder(
    checkpoint: str = "library", *, layers: int | None = None, steps: int = 60, rate: float = 5e-4, seed: int = 0
) -> FineTuned:
    """A small language model fine-tuned on the prompts' texts: a rival that never sees the subject.

    `checkpoint`: a bundled model other than the subject, a directory or a hub id; safetensors only. `layers`: how many
    of its last blocks are trained (None: two), all their weights; the others are read through. It starts from
    TF-IDF with the linear head. Raises `CheckpointError`, `InputError` for more blocks than it has.
    """
    from forepath.organisms import bundled
    from forepath.subjects.huggingface import load

    path = bundled.path(checkpoint) if checkpoint in bundled.names() else checkpoint
    found = load(path, device="cpu", dtype="float32")
    count = found.model.config.get_text_config().num_hidden_layers
    layers = min(2, count) if layers is None else layers
    if not 1 <= layers <= count:
        raise InputError(f"{layers} blocks of {checkpoint} to be trained; it has {count}: give 1 to {count}")
    return FineTuned(found.model, found.tokenizer, TfidfReader(), name=found.fingerprint, tune="all", layers=layers,
                     steps=steps, rate=rate, seed=seed)  # fmt: skip


class FineTuned:
    """A causal language model's blocks, trained to write themes after the tokens of a prompt."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        reader: Reader,
        *,
        name: str,
        tune: Tune,
        layers: int,
        rank: int = 8,
        steps: int = 300,
        rate: float = 1e-3,
        longest: int = 512,
        seed: int = 0,
    ) -> None:
        """`name` identifies model and tokenizer. Prompts keep their last `longest` tokens. See `lora` and `encoder`."""
        self.settings: dict[str, Any] = {
            "tune": tune, "layers": layers, "rank": rank, "steps": steps, "rate": rate, "longest": longest,
            "seed": seed,
        }  # fmt: skip
        self.model, self.tokenizer, self.reader, self.name = model, tokenizer, reader, name
        self.origin: Origin | None = None
        self.themes: tuple[str, ...] = ()
        self._writer: Writer | None = None

    def fit(self, prompts: Sequence[str], futures: Futures) -> Self:
        """Texts and the futures of the same prompts. Raises `PromptError`, `MissingExtraError`."""
        texts, futures = checked_texts(prompts, futures)
        if self.model is None:
            raise InputError("an encoder that was read back cannot be fitted again; make a new one with `encoder`")
        from forepath.forecasters.sequences import Recipe
        from forepath.forecasters.writing import fit_writer

        reads = checked_reads_pair(self.reader.fit(texts).read(texts), futures)
        recipe = Recipe(
            steps=self.settings["steps"], every=OFTEN, batch=24, most=6, rate=self.settings["rate"], decay=0.01
        )
        self._writer = fit_writer(
            reads, futures, self._make, recipe, self.settings["seed"], points=self._tokens(texts),
            standardise=not isinstance(self.reader, TfidfReader),
        )  # fmt: skip
        self.themes, self.origin = futures.themes, None
        return self

    @property
    def losses(self) -> tuple[float, ...]:
        """Nats per chain on the prompts kept aside: of the linear chains, then as it was trained."""
        return self._fitted().trained.losses

    @property
    def share(self) -> float:
        """Of what the model adds, that is used: 0 if it did not help on the prompts kept aside."""
        return self._fitted().trained.share

    def predict(self, prompts: Sequence[str]) -> Forecast:
        """Steps and chains. Raises `UnfittedError` before `fit`, `PromptError`."""
        writer, texts = self._fitted(), checked_prompts(prompts)
        found = writer.forecast(checked_reads(self.reader.read(texts), shape=writer.mean.shape), self._tokens(texts))
        return Forecast(self.themes, found.steps, found.chains, found.probs)

    def log_probs(self, prompts: Sequence[str], futures: Futures) -> np.ndarray:
        """(prompts, samples) log odds of each sampled chain, as far as it was observed; NaN where nothing was."""
        writer, texts = self._fitted(), checked_prompts(prompts)
        reads = checked_reads(self.reader.read(texts), shape=writer.mean.shape)
        return writer.log_probs(reads, futures.steps, self._tokens(texts))

    def save(self, folder: Path | str, origin: Origin) -> None:
        """Of LoRA what was trained, not the subject (`restore`); an encoder whole, tokenizer and words too (`load`).

        Raises `UnfittedError`, `OSError`, and `InputError` for an encoder that starts from another reader than TF-IDF
        or whose tokenizer is not a fast one.
        """
        tensors, themes, settings, origin, facts = writer_parts(self._fitted(), self.themes, self.settings, origin)
        if self.settings["tune"] == "lora":
            return write_arrays(Path(folder), "lora", tensors, themes, settings, origin, facts)
        if not isinstance(self.reader, TfidfReader) or not hasattr(self.tokenizer, "backend_tokenizer"):
            raise InputError("an encoder is saved with TF-IDF as its reader and a fast tokenizer; see `encoder`")
        terms, numbers = self.reader.parts()
        written = {"terms": json.dumps(terms), "tokenizer": self.tokenizer.backend_tokenizer.to_str()}
        tensors |= {f"words.{name}": values for name, values in numbers.items()}
        tensors |= {f"words.{name}": np.frombuffer(text.encode(), np.uint8) for name, text in written.items()}
        trunk: Any = self._fitted().trunk
        words = trunk.body.get_input_embeddings().weight
        tensors |= {f"trunk.{n}": p.detach().numpy() for n, p in trunk.named_parameters() if p is not words}
        tensors["words.vectors"] = words.detach().numpy()
        write_arrays(Path(folder), "encoder", tensors, themes, settings, origin, {**facts, "name": self.name})

    @classmethod
    def load(
        cls, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read an encoder that `save` wrote; nothing else is needed. It cannot be fitted again. Raises as
        `LinearForecaster.load`.
        """
        from tokenizers import Tokenizer
        from torch import from_numpy, nn
        from transformers import PreTrainedTokenizerFast

        from forepath.forecasters.frozen import Frozen, blocks_of
        from forepath.forecasters.language_trunk import LanguageTrunk, body_of

        saved = read_arrays(Path(folder), "encoder", {"subject": subject, "codebook": codebook, "site": site})
        words = {n.removeprefix("words."): v for n, v in saved.tensors.items() if n.startswith("words.")}
        texts = {name: words[name].tobytes().decode() for name in ("terms", "tokenizer")}
        made: Any = PreTrainedTokenizerFast
        tokenizer = made(tokenizer_object=Tokenizer.from_str(texts["tokenizer"]))
        reader = TfidfReader.of(json.loads(texts["terms"]), words)
        encoder = cls(None, tokenizer, reader, name=saved.facts["name"], **saved.settings)
        body = body_of(saved.facts["config"])
        vectors = from_numpy(words["vectors"])
        body.set_input_embeddings(nn.Embedding(vectors.shape[0], vectors.shape[1], _weight=vectors))
        rest = {n: v for n, v in saved.tensors.items() if not n.startswith("words.")}
        depth = len(blocks_of(body)) - encoder.settings["layers"]
        trunk = LanguageTrunk(body, themes=len(saved.themes), width=None, frozen=Frozen(body, depth) if depth else None)
        encoder._writer = writer_of(replace(saved, tensors=rest), trunk)
        encoder.themes, encoder.origin = saved.themes, saved.origin
        return encoder

    def restore(
        self, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read what `save` wrote into this one, of the same subject and site; raises as `LinearForecaster.load`."""
        saved = read_arrays(Path(folder), "lora", {"subject": subject, "codebook": codebook, "site": site})
        self.settings, self.themes, self.origin = saved.settings, saved.themes, saved.origin
        reads, width = saved.tensors["reads.mean"].shape
        trunk = self._make(reads, width, len(saved.themes), int(saved.facts["horizon"]))
        self._writer = writer_of(saved, trunk)
        return self

    def _make(self, reads: int, width: int, themes: int, horizon: int) -> nn.Module:
        from copy import deepcopy

        from forepath.forecasters.frozen import Frozen, blocks_of
        from forepath.forecasters.language_trunk import LanguageTrunk

        body = deepcopy(self.model.base_model).float()
        depth = len(blocks_of(body)) - self.settings["layers"]
        if self.settings["tune"] == "lora":
            body = _adapted(body, self.settings["layers"], self.settings["rank"])
        else:
            for still in (
                body.get_input_embeddings(),
                *blocks_of(body)[:depth],
            ):  # words of few prompts are not learned
                still.requires_grad_(False)
        body.config._attn_implementation = "sdpa"
        return LanguageTrunk(body, themes=themes, width=None, frozen=Frozen(body, depth) if depth else None)

    def _tokens(self, texts: list[str]) -> Tensor:
        """(prompts, longest) ids, `PAD` on the left."""
        import torch

        from forepath.forecasters.language_trunk import PAD

        last = -int(self.settings["longest"])
        ids = [list(self.tokenizer(text, verbose=False)["input_ids"])[last:] for text in texts]
        width = max([1, *map(len, ids)])
        return torch.tensor([[PAD] * (width - len(row)) + row for row in ids], dtype=torch.long).reshape(-1, width)

    def _fitted(self) -> Writer:
        if self._writer is None:
            raise UnfittedError("this FineTuned has not seen any futures: call fit(prompts, futures) first")
        return self._writer


def _adapted(body: Any, layers: int, rank: int) -> Any:
    """`body` with low-rank changes to every linear map of its last blocks; nothing else is trained."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtraError("peft", "lora", "LoRA") from error
    from forepath.forecasters.frozen import blocks_of

    chosen = list(blocks_of(body))[-layers:]
    inside = {id(m) for block in chosen for m in block.modules() if type(m).__name__ in ("Linear", "Conv1D")}
    names = [name for name, module in body.named_modules() if id(module) in inside]
    turned = any(type(m).__name__ == "Conv1D" for block in chosen for m in block.modules())
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names, fan_in_fan_out=turned)
    adapted = inject_adapter_in_model(config, body)
    for name, parameter in adapted.named_parameters():
        parameter.requires_grad_("lora_" in name)
    return adapted
