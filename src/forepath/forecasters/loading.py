"""Any saved forecaster, whatever its kind. Knows the kinds by name and imports the one it finds."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from forepath.errors import MismatchError
from forepath.forecasters.saving import read_kind

KINDS = {
    "linear": "linear.LinearForecaster",
    "closed_form": "closed_form.ClosedForm",
    "calibrated": "calibrated.Calibrated",
    "chain": "chain.ChainForecaster",
    "encoder": "finetuned.FineTuned",
    "layers": "layers.LayersForecaster",
    "lens": "lens.Lens",
    "novelty": "novelty.Novelty",
}
"""Kind -> module and class in this room."""


def load(
    folder: Path | str, *, subject: str | None = None, codebook: str | None = None, site: str | None = None
) -> Any:
    """The forecaster that `folder` holds, with `predict` and `origin`.

    Raises `MismatchError` where it was fitted on another subject, codebook or site than the ones given or is of a kind
    not known here, `RunVersionError` if a newer forepath wrote it, `RunCorruptError` if it is torn.
    """
    kind = read_kind(Path(folder))
    if kind not in KINDS:
        raise MismatchError(f"{folder} holds a forecaster of kind {kind!r}; this forepath reads {', '.join(KINDS)}")
    module, name = KINDS[kind].split(".")
    found = getattr(import_module(f"forepath.forecasters.{module}"), name)
    return found.load(folder, subject=subject, codebook=codebook, site=site)
