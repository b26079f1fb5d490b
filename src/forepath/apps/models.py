"""Which model a run is about: a bundled name, a directory or a hub id, all loaded by the same code path.

What a run was begun with is pinned in its manifest (the commit of a hub id, the hash of the files) and compared before
anything is loaded.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.apps.settings import Settings
from forepath.errors import CheckpointError, InputError, MismatchError, MissingExtraError
from forepath.store import Run

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject


def locate(settings: Settings) -> Path:
    """The directory of the model, fetched from the hub if need be. Raises `CheckpointError`, `MissingExtraError`."""
    from forepath.organisms import bundled
    from forepath.subjects import checkpoint

    if settings.subject in bundled.names():
        if settings.revision:
            raise InputError(f"{settings.subject!r} comes with forepath and has no revisions; leave revision out")
        return bundled.path(settings.subject)
    try:
        return checkpoint.resolve(settings.subject, revision=settings.revision)
    except CheckpointError as error:
        if Path(settings.subject).exists():
            raise
        raise CheckpointError(f"{error}; bundled are {', '.join(bundled.names())}") from error


def load(path_or_id: str | Path, **options: Any) -> HuggingFaceSubject:
    """A causal language model: a bundled name ("documents", "library"), a directory or a hub id; safetensors only.

    `options` are those of `subjects.huggingface.load`: device, dtype, device_map, trust_remote_code, chat,
    capture_dtype, revision. Raises what that raises, and `MissingExtraError` without the `local` extra.
    """
    from forepath.organisms import bundled

    try:
        from forepath.subjects.huggingface import load as load_directory
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "local", "running a model on this machine") from error
    return load_directory(bundled.path(str(path_or_id)) if path_or_id in bundled.names() else path_or_id, **options)


def load_subject(settings: Settings) -> HuggingFaceSubject:
    """The subject of a run. Raises `CheckpointError`, or `MissingExtraError` without the `local` extra."""
    try:
        from forepath.subjects.huggingface import load
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "local", "running a model on this machine") from error
    import transformers

    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # what is wrong comes as an error of ours
    return load(
        locate(settings),
        device=settings.device,
        device_map=settings.device_map,
        dtype=settings.dtype,
        trust_remote_code=settings.trust_remote_code,
        chat=settings.chat,
        capture_dtype=settings.capture_dtype,
    )


def pins_of(settings: Settings) -> dict[str, str | None]:
    """What the manifest keeps of a model's directory: `revision`, the commit of a hub id, and `files`, their hash."""
    from forepath.subjects import checkpoint

    folder = locate(settings)
    return {"revision": checkpoint.commit_of(folder), "files": checkpoint.fingerprint(folder)}


def subject_of(store: Run, settings: Settings) -> HuggingFaceSubject:
    """The very subject a run was begun with; of a hub id the pinned commit.

    Raises `MismatchError` if its files are no longer the same (before it is loaded), or what they are loaded as.
    """
    settings = replace(settings, revision=store.config.get("revision") or settings.revision)
    begun = store.config.get("files")
    if begun is not None and (now := pins_of(settings)["files"]) != begun:
        raise _changed(store, settings, "files", str(begun), str(now))
    subject = load_subject(settings)
    if subject.fingerprint != store.config["subject"]:
        raise _changed(store, settings, "subject", store.config["subject"], subject.fingerprint)
    return subject


def _changed(store: Run, settings: Settings, what: str, begun: str, now: str) -> MismatchError:
    return MismatchError(
        f"{store.path} was begun with {settings.subject!r} ({what} {begun[:12]}…), which is now another ({now[:12]}…): "
        "a run is about one subject; bring back the old weights, or start a new run"
    )
