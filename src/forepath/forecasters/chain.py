"""The chain transformer: reads several activations of a prompt, writes its chain of themes to the end.

It adds to the linear forecaster's logits and starts at adding nothing, so that with few prompts it is that forecaster;
what it adds can depend on the whole chain so far. Torch is imported when it is fitted or read.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from forepath.errors import ActivationError, UnfittedError
from forepath.forecasters.inputs import checked_reads, checked_reads_pair
from forepath.forecasters.layers import LayersForecaster
from forepath.forecasters.saving import Origin, SavedArrays, read_arrays, write_arrays
from forepath.records import Forecast, Futures

if TYPE_CHECKING:
    from torch import nn

    from forepath.forecasters.writing import Writer


OFTEN = 10
"""Steps between two looks at the prompts kept aside, of a language model: its steps are long, and it learns in few."""


class ChainForecaster:
    """A small causal transformer over (rows, reads, width) activations and themes, on top of `LayersForecaster`.

    Trained on every sampled chain, each prompt's equal chains counted, `end` included; stopped on a fifth of the
    prompts. Odds of the steps follow from the chains by the chain rule: exact in the beam, the rest of the mass carried
    on by the linear chain (`carried`). Deterministic for a seed and a number of threads; the order of the prompts does
    not matter.
    """

    def __init__(
        self,
        *,
        model: int = 64,
        blocks: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        steps: int = 600,
        rate: float = 3e-3,
        decay: float = 0.05,
        seed: int = 0,
        checkpoint: str | None = None,
    ) -> None:
        """`model`: width of the transformer; `steps`: most the optimiser takes; `decay`: AdamW's weight decay.

        `checkpoint`: the blocks of an existing causal language model instead of new ones, see `retrofit`.
        """
        self.settings: dict[str, Any] = {
            "model": model, "blocks": blocks, "heads": heads, "dropout": dropout, "steps": steps, "rate": rate,
            "decay": decay, "seed": seed, "checkpoint": checkpoint,
        }  # fmt: skip
        self.origin: Origin | None = None
        self.themes: tuple[str, ...] = ()
        self._writer: Writer | None = None

    def fit(self, activations: np.ndarray, futures: Futures) -> Self:
        """(prompts, reads, width), or (prompts, width), and the same prompts' futures. Raises `ActivationError`."""
        reads = checked_reads_pair(activations, futures)
        from forepath.forecasters.sequences import Recipe
        from forepath.forecasters.writing import fit_writer

        recipe = Recipe(
            steps=self.settings["steps"], every=20 if self.settings["checkpoint"] is None else OFTEN,
            rate=self.settings["rate"], decay=self.settings["decay"],
        )  # fmt: skip
        self._writer = fit_writer(reads, futures, self._make, recipe, self.settings["seed"])
        self.themes, self.origin = futures.themes, None
        return self

    @property
    def losses(self) -> tuple[float, ...]:
        """Nats per chain on the prompts kept aside: of the linear chains, then as it was trained."""
        return self._fitted().trained.losses

    @property
    def share(self) -> float:
        """Of what the transformer adds, that is used: 0 if it did not help on the prompts kept aside."""
        return self._fitted().trained.share

    def predict(self, activations: np.ndarray) -> Forecast:
        """Steps and chains. Raises `UnfittedError` before `fit`, `ActivationError`."""
        writer = self._fitted()
        found = writer.forecast(checked_reads(activations, shape=writer.mean.shape))
        return Forecast(self.themes, found.steps, found.chains, found.probs)

    def carried(self, activations: np.ndarray) -> np.ndarray:
        """(rows, horizon) the share of each step's odds that comes from outside the beam: not exact, but accounted."""
        writer = self._fitted()
        return writer.forecast(checked_reads(activations, shape=writer.mean.shape)).carried

    def log_probs(self, activations: np.ndarray, futures: Futures) -> np.ndarray:
        """(rows, samples) log odds of each sampled chain, as far as it was observed; NaN where nothing was."""
        writer = self._fitted()
        reads = checked_reads(activations, shape=writer.mean.shape)
        if futures.themes != self.themes or len(futures.steps) != len(reads):
            raise ActivationError(
                f"chains of {len(futures.steps)} prompts and {len(futures.themes)} themes for {len(reads)} rows and "
                f"{len(self.themes)} themes; give the same prompts, labelled with the same codebook"
            )
        return writer.log_probs(reads, futures.steps)

    def save(self, folder: Path | str, origin: Origin) -> None:
        """Write `forecaster.safetensors` and `forecaster.json`. Raises `UnfittedError`, `OSError`."""
        writer = self._fitted()
        write_arrays(Path(folder), "chain", *writer_parts(writer, self.themes, self.settings, origin))

    @classmethod
    def load(
        cls, folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
    ) -> Self:
        """Read what `save` wrote; raises as `LinearForecaster.load`."""
        saved = read_arrays(Path(folder), "chain", {"subject": subject, "codebook": codebook, "site": site})
        forecaster = cls(**saved.settings)
        forecaster.themes, forecaster.origin = saved.themes, saved.origin
        reads, width = saved.tensors["reads.mean"].shape
        sizes = (reads, width, len(saved.themes), int(saved.facts["horizon"]))
        if (config := saved.facts["config"]) is not None:
            from forepath.forecasters.language_trunk import LanguageTrunk, body_of

            trunk: nn.Module = LanguageTrunk(body_of(config), themes=sizes[2], width=width)
        else:
            trunk = forecaster._make(*sizes)
        forecaster._writer = writer_of(saved, trunk)
        return forecaster

    def _make(self, reads: int, width: int, themes: int, horizon: int) -> nn.Module:
        if self.settings["checkpoint"] is not None:
            from forepath.forecasters.language_trunk import LanguageTrunk, load_body

            return LanguageTrunk(load_body(self.settings["checkpoint"], embeddings=False), themes=themes, width=width)
        from forepath.forecasters.transformer import Shape, Transformer

        chosen = {name: self.settings[name] for name in ("model", "blocks", "heads", "dropout")}
        return Transformer(Shape(reads, width, themes, horizon, **chosen))

    def _fitted(self) -> Writer:
        if self._writer is None:
            raise UnfittedError("this ChainForecaster has not seen any futures: call fit(activations, futures) first")
        return self._writer


def retrofit(checkpoint: str = "documents", *, steps: int = 120, rate: float = 5e-4, seed: int = 0) -> ChainForecaster:
    """An existing small causal language model as the predictor: its blocks, all trained on, between new ends.

    Its embedding is replaced by a learned map from the activations to its width and a vector per theme, its unembedding
    by theme logits. `checkpoint` is the name of a bundled model, a directory or a hub id; safetensors only. What is
    saved holds all weights, so that reading it back does not need the checkpoint. Raises `CheckpointError` at `fit`.
    """
    return ChainForecaster(steps=steps, rate=rate, decay=0.01, seed=seed, checkpoint=checkpoint)


def writer_parts(
    writer: Writer, themes: tuple[str, ...], settings: dict[str, Any], origin: Origin
) -> tuple[dict[str, np.ndarray], tuple[str, ...], dict[str, Any], Origin, dict[str, Any]]:
    """What `write_arrays` needs to keep a writer: the parameters of its trunk that were trained, and its base."""
    tensors, _, base_settings = writer.base.parts()
    tensors = {f"base.{name}": values for name, values in tensors.items()}
    tensors |= {f"trunk.{name}": p.detach().numpy() for name, p in writer.trunk.named_parameters() if p.requires_grad}
    tensors |= {"reads.mean": writer.mean, "reads.deviation": writer.deviation}
    facts = {
        "base": {"settings": base_settings, "facts": writer.base.facts()},
        "floor": writer.floor,
        "horizon": len(writer.base.facts()["link"]) + 1,
        "trained": asdict(writer.trained),
        "config": getattr(writer.trunk, "config", None),
    }
    return tensors, themes, settings, origin, facts


def writer_of(saved: SavedArrays, trunk: nn.Module) -> Writer:
    """Back from `writer_parts`; `trunk` is built anew and filled here."""
    import torch

    from forepath.forecasters.sequences import Trained
    from forepath.forecasters.writing import Writer

    parts: dict[str, dict[str, np.ndarray]] = {"base": {}, "trunk": {}, "reads": {}}
    for name, values in saved.tensors.items():
        kind, _, rest = name.partition(".")
        parts[kind][rest] = values
    base = saved.facts["base"]
    inner = LayersForecaster.from_parts(
        SavedArrays(parts["base"], saved.themes, base["settings"], base["facts"], saved.origin)
    )
    trunk.load_state_dict({name: torch.from_numpy(values) for name, values in parts["trunk"].items()}, strict=False)
    trunk.eval()
    trained = saved.facts["trained"]
    return Writer(
        inner, trunk, parts["reads"]["mean"], parts["reads"]["deviation"], float(saved.facts["floor"]),
        Trained(trained["share"], tuple(trained["losses"]), trained["best"]),
    )  # fmt: skip
