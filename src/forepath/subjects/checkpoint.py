"""A checkpoint on disk: is it safe and complete, and what is its fingerprint? Nothing of it is run or unpickled here.

Knows the files of a Hugging Face model directory; knows nothing of torch.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from forepath.errors import CheckpointError, MissingExtraError

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_DECIDING = (
    "config.json", "generation_config.json", "*.safetensors", "tokenizer*.json", "*.model", "vocab.*", "merges.txt",
    "special_tokens_map.json", "added_tokens.json", "chat_template*", "*.py",
)  # fmt: skip
"""Files that decide what a model writes."""


def resolve(path_or_id: str | Path, *, revision: str | None = None) -> Path:
    """The directory of a model: given as it is, or the local snapshot of a hub id, downloaded if need be.

    Raises `CheckpointError` where there is neither.
    """
    folder = Path(path_or_id).expanduser()
    if folder.is_dir():
        return folder
    name = str(path_or_id)
    if folder.exists():
        raise CheckpointError(f"{name} is a file; wanted the directory that holds config.json and model.safetensors")
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name or not name:
        raise CheckpointError(f"no such directory: {name!r}; give a model directory or a hub id such as 'org/name'")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingExtraError("huggingface_hub", "local", f"fetching {name!r} from the hub") from None
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(_DECIDING)))
    except Exception as error:  # the hub's errors have no common root: network, name, access, offline mode
        raise CheckpointError(
            f"{name!r} is not a directory here, and as a hub id it could not be fetched ({type(error).__name__}); "
            "check the spelling and the network, or download it elsewhere and give its directory"
        ) from error


def check(folder: Path, *, trust_remote_code: bool) -> dict[str, Any]:
    """The config of a checkpoint that is complete, safe, and of a causal language model; else `CheckpointError`."""
    config = _read(folder / "config.json", "a model directory holds config.json, model.safetensors and a tokenizer")
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise CheckpointError(
            f"{folder} has no tokenizer (none of {', '.join(_TOKENIZERS)}); save one there with "
            "tokenizer.save_pretrained(directory)"
        )
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for p in folder.glob(pattern))
        found = f"only {', '.join(pickled)}, which can run code when loaded" if pickled else "no weights"
        raise CheckpointError(
            f"{folder} has {found}; wanted model.safetensors: convert with "
            "model.save_pretrained(directory, safe_serialization=True)"
        )
    remote = _remote_code(folder, config)
    if remote and not trust_remote_code:
        raise CheckpointError(
            f"{folder} asks to run its own Python code ('auto_map' in {remote}); if you have read that code and trust "
            "it, pass trust_remote_code=True (--trust-remote-code)"
        )
    architectures = config.get("architectures") or []
    if not (remote or set(architectures) & _causal_architectures()):
        raise CheckpointError(
            f"{folder} is not a causal language model: its config.json says architectures={architectures}; wanted "
            "one such as LlamaForCausalLM or GPT2LMHeadModel"
        )
    return config


def commit_of(folder: Path) -> str | None:
    """The commit of a hub id that `resolve` gave `folder` for; None of any other directory.

    >>> commit_of(Path("hub/models--org--name/snapshots/0a1b2c")), commit_of(Path("models/mine"))
    ('0a1b2c', None)
    """
    return folder.name if folder.parent.name == "snapshots" else None


def fingerprint(folder: Path, *conditions: str) -> str:
    """sha256 (hex) over the names and bytes of every file that decides what is written, and over `conditions`."""
    total = hashlib.sha256()
    for path in sorted({p for pattern in _DECIDING for p in folder.glob(pattern) if p.is_file()}):
        with path.open("rb") as stream:
            total.update(f"{path.name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    total.update("\0".join(conditions).encode())
    return total.hexdigest()


def _read(path: Path, wanted: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; {wanted}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({error}); copy or save the model again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}; wanted a JSON object")
    return content


def _remote_code(folder: Path, config: dict[str, Any]) -> str:
    if "auto_map" in config:
        return "config.json"
    path = folder / "tokenizer_config.json"
    return path.name if path.is_file() and "auto_map" in _read(path, "") else ""


def _causal_architectures() -> set[str]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    names = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
    return {name for value in names for name in ((value,) if isinstance(value, str) else value)}
