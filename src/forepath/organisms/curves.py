"""The loss curve of a training, as a picture. Knows only the log that the loop writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def plot_losses(log: Path, picture: Path, *, floors: Mapping[str, float] | None = None) -> None:
    """Draw the loss curve of `losses.jsonl` (training thin, validation thick, floors dashed; nats per token)."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    steps = np.array([r["step"] + 1 for r in rows])
    axes.plot(steps, [r["loss"] for r in rows], lw=0.6, alpha=0.6, label="training")
    held = [(r["step"] + 1, r["validation"]) for r in rows if r.get("validation") is not None]
    if held:
        axes.plot(*zip(*held, strict=True), marker="o", ms=3, label="validation")
    for name, value in (floors or {}).items():
        axes.axhline(value, ls="--", color="black", lw=0.8, label=f"{name}: {value:.3f}")
    axes.set(xlabel="step", ylabel="loss, nats per token", xscale="log", yscale="log")
    axes.legend()
    figure.savefig(picture)
    plt.close(figure)
