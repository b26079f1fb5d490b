"""Embeddings kept in a folder by the hash of their content. Knows nothing of how they are made."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forepath.themes.embeddings import Embedder


class CachedEmbedder:
    """An embedder that remembers, across processes: each text is embedded once per folder and embedder name."""

    def __init__(self, embedder: Embedder, folder: Path | str) -> None:
        """`folder` is made if it is not there; it holds one safetensors file per batch of new texts, written whole."""
        from safetensors.numpy import load_file

        self.embedder = embedder
        self.name = embedder.name
        self.folder = Path(folder) / hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[bytes, np.ndarray] = {}
        for shard in sorted(self.folder.glob("*.safetensors")):
            arrays = load_file(shard)
            self._known |= {k.tobytes(): v for k, v in zip(arrays["keys"], arrays["vectors"], strict=True)}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return self.embedder.embed(texts)
        keys = [hashlib.sha256(t.encode("utf-8", "surrogatepass")).digest() for t in texts]
        new = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._known}
        if new:
            vectors = self.embedder.embed(list(new.values()))
            self._known |= dict(zip(new, vectors, strict=True))
            self._write(list(new), vectors)
        return np.stack([self._known[k] for k in keys])

    def _write(self, keys: list[bytes], vectors: np.ndarray) -> None:
        from safetensors.numpy import save

        joined = b"".join(keys)
        name = hashlib.sha256(joined).hexdigest()[:32]
        part = self.folder / f"{name}.{os.getpid()}.part"
        with part.open("wb") as file:
            file.write(save({"keys": np.frombuffer(joined, dtype=np.uint8).reshape(-1, 32), "vectors": vectors}))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / f"{name}.safetensors")
