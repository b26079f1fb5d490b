"""Embeddings kept in a folder by the hash of their content. Knows nothing of how they are made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forepath.store.disk import make_folder, write_bytes
from forepath.themes.embeddings import Embedder


class CachedEmbedder:
    """An embedder that remembers, across processes: each text is embedded once per folder and embedder name."""

    def __init__(self, embedder: Embedder, folder: Path | str) -> None:
        """`folder` is made if it is not there; it holds one safetensors file per batch of new texts, written whole.

        Raises `DiskFullError` or `RunError` where it cannot be written.
        """
        from safetensors.numpy import load_file

        self.embedder = embedder
        self.name = embedder.name
        self.folder = Path(folder) / hashlib.sha256(self.name.encode()).hexdigest()[:16]
        make_folder(self.folder)
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
        arrays = {"keys": np.frombuffer(joined, dtype=np.uint8).reshape(-1, 32), "vectors": vectors}
        write_bytes(self.folder / f"{name}.safetensors", save(arrays))
