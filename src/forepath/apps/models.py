"""Which model a run is about: a bundled name, a directory or a hub id, all loaded by the same code path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forepath.apps.settings import Settings
from forepath.errors import MissingExtraError

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject


def load_subject(settings: Settings) -> HuggingFaceSubject:
    """The subject of a run. Raises `CheckpointError`, or `MissingExtraError` without the `local` extra."""
    from forepath.organisms import bundled

    try:
        from forepath.subjects.huggingface import load
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "local", "running a model on this machine") from error
    import transformers

    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    where = str(bundled.path(settings.subject)) if settings.subject in bundled.names() else settings.subject
    return load(
        where,
        device=settings.device,
        dtype=settings.dtype,
        trust_remote_code=settings.trust_remote_code,
        chat=settings.chat,
    )
