"""Where the checkpoints that come with the package lie. They load by the same path as any user's model."""

from __future__ import annotations

from pathlib import Path

from forepath.errors import CheckpointError

CHECKPOINTS = Path(__file__).parent / "checkpoints"


def names() -> tuple[str, ...]:
    """Names of the bundled models, sorted."""
    return tuple(sorted(p.parent.name for p in CHECKPOINTS.glob("*/config.json")))


def path(name: str) -> Path:
    """Directory of the bundled model `name`, to be loaded like any other. Raises `CheckpointError` if unknown."""
    if name not in names():
        raise CheckpointError(
            f"no bundled model {name!r}; there are: {', '.join(names()) or 'none'}. "
            f"To make one: forepath organisms train NAME"
        )
    return CHECKPOINTS / name
