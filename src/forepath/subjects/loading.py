"""From a checked model directory to a model and its tokenizer in memory, every way to fail named.

Knows `transformers`; nothing of sites, sampling or runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from forepath.errors import CheckpointError, ForepathError, InputError, MemoryExhaustedError


def load_tokenizer(folder: Path, *, trust_remote_code: bool) -> Any:
    """The tokenizer of a checkpoint. Raises `CheckpointError`."""
    from transformers import AutoTokenizer

    with _naming(f"the tokenizer of {folder}", "save it again with tokenizer.save_pretrained(directory)"):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)


def load_model(
    folder: Path,
    *,
    dtype: torch.dtype | str,
    device: str | None,
    device_map: str | Mapping[str, Any] | None,
    trust_remote_code: bool,
) -> Any:
    """The causal language model of a checkpoint, on its device.

    Raises `CheckpointError` for files that are torn, not of the shapes its config says, or that lack a weight (which
    `transformers` would draw at random), `InputError` for a device that is not there, `MemoryExhaustedError`.
    """
    from transformers import AutoModelForCausalLM

    where = None if device_map is not None else usable(device)
    with _naming(str(folder), "copy or save the model again, and check that this transformers knows it"):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            device_map=device_map,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
        )
        model, told = loaded
        lacking = sorted(told["missing_keys"])
        if lacking:
            raise CheckpointError(
                f"{folder} lacks {len(lacking)} of its model's weights ({', '.join(lacking[:3])} …), which would be "
                "drawn at random; save the whole model again, as the class that its config.json names"
            )
        return model if where is None else torch.nn.Module.to(model, where)


def usable(device: str | None) -> torch.device:
    """The device of that name; None is the best there is. Raises `InputError` for one that this machine does not have.

    >>> usable("cpu")
    device(type='cpu')
    """
    cuda, mps = torch.cuda.device_count() if torch.cuda.is_available() else 0, torch.backends.mps.is_available()
    if device is None:
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    there = ["cpu", *(f"cuda:{i}" for i in range(cuda)), *(["mps"] if mps else [])]
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InputError(f"device {device!r} is not one; this machine has {', '.join(there)}") from error
    if (found.type == "cuda" and (found.index or 0) >= cuda) or (found.type == "mps" and not mps):
        raise InputError(f"device {device!r} is not there; this machine has {', '.join(there)}")
    return found


@contextmanager
def _naming(what: str, remedy: str) -> Iterator[None]:
    """Turn whatever loading raises into a typed error: the libraries below share no root of theirs."""
    try:
        yield
    except ForepathError:
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise MemoryExhaustedError(
            f"{what} does not fit in memory; try dtype=bfloat16, another device, or a smaller model"
        ) from error
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise CheckpointError(f"{what} cannot be loaded ({type(error).__name__}: {first[:200]}); {remedy}") from error
