"""Which embedder and which labeller a run's settings ask for. Composition only: both are made in `themes`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forepath.apps.settings import Settings
from forepath.protocols import Labeller
from forepath.store import Run
from forepath.themes.cache import CachedEmbedder
from forepath.themes.codebook import Codebook
from forepath.themes.embeddings import CallableEmbedder, Embedder, SentenceEmbedder
from forepath.themes.endpoint import EndpointLabeller
from forepath.themes.labelling import labeller_of
from forepath.themes.standardised import StandardisedEmbedder

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

KEY = "FOREPATH_ENDPOINT_KEY"
"""Environment variable with the key of the labelling endpoint. It is read when needed and never written anywhere."""


def embedder_of(store: Run, settings: Settings, subject: HuggingFaceSubject, texts: Sequence[str]) -> Embedder | None:
    """What compares texts; None is TF-IDF, which is fitted where it is needed. `texts` are training texts.

    Vectors are cached in RUN/embeddings by the content of the text: not a part of the run, and made again if deleted.
    Raises `MissingExtraError` without sentence-transformers, `SiteError`.
    """
    kind, _, name = settings.embedder.partition(":")
    if kind == "tfidf":
        return None
    folder = store.path / "embeddings"
    if kind == "sentence":
        return CachedEmbedder(SentenceEmbedder(name, device=settings.device), folder)
    site = mean_site(settings, subject)
    raw = CallableEmbedder(lambda given: read_means(subject, given, site), f"{subject.fingerprint[:16]}-{site}")
    return CachedEmbedder(StandardisedEmbedder(raw, texts), folder)


def mean_site(settings: Settings, subject: HuggingFaceSubject) -> str:
    """The site whose mean over a text is the text's vector: `embedder=subject:SITE`, or the middle residual stream."""
    named = settings.embedder.partition(":")[2]
    if named:
        return f"{named.partition('@')[0]}@mean"
    streams = [site for site in subject.sites if site.startswith("resid.")]
    return f"{streams[len(streams) // 2]}@mean"


def read_means(subject: HuggingFaceSubject, texts: Sequence[str], site: str) -> np.ndarray:
    """(texts, width) mean activations, 0 of a blank text; of one that may not fit the context, of its beginning."""
    # No tokenizer makes more tokens than bytes; a chat template takes some room.
    most = max(16, subject.context - 64) if subject.context else None
    short = [text.encode()[:most].decode(errors="ignore") for text in texts]
    told = [i for i, text in enumerate(short) if text.strip()]
    read = subject.activations([short[i] for i in told] or ["."], [site])[site]
    out = np.zeros((len(texts), read.shape[1]), dtype=np.float32)
    out[told] = read[: len(told)]
    return out


def labeller_for(settings: Settings, codebook: Codebook, texts: Sequence[str], embedder: Embedder | None) -> Labeller:
    """The labeller of a run. `texts` are training texts. Raises `CodebookError`, `InputError`."""
    if settings.labeller == "endpoint":
        assert settings.endpoint and settings.endpoint_model  # `Settings` asks for both
        return EndpointLabeller(codebook, settings.endpoint, settings.endpoint_model, key=os.environ.get(KEY))
    return labeller_of(codebook, texts=texts, embedder=embedder)
