"""The map of side effects: many interventions in turn, each one's foretold shift of every theme.

Read, not sampled: one pass over the prompts per intervention. A circuit shows as a row that moves one theme only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forepath.effects.foreseeing import Predicts, foresee
from forepath.effects.pictures import new_figure, plain_label, write_figure
from forepath.errors import InputError, InterventionError
from forepath.records import Intervention
from forepath.subjects.interventions.making import ablate, describe

if TYPE_CHECKING:
    import pandas

    from forepath.subjects.huggingface import HuggingFaceSubject


@dataclass(frozen=True, slots=True)
class SideEffects:
    """Interventions by themes, at one step."""

    names: tuple[str, ...]
    """Of the interventions."""
    themes: tuple[str, ...]
    shift: np.ndarray
    """(interventions, themes) foretold shift of P(theme at the step); NaN for a row whose change cannot be seen."""
    se: np.ndarray
    """(interventions, themes) from prompt to prompt."""
    step: int
    """1 is the next theme."""
    refused: tuple[str, ...] = ()
    """Interventions after which the forecaster may not be read; their rows are NaN."""

    @property
    def unseen(self) -> tuple[str, ...]:
        """Interventions that do not reach the site that is read: could not be judged."""
        empty = [n for n, row in zip(self.names, self.shift, strict=True) if np.isnan(row).all()]
        return tuple(n for n in empty if n not in self.refused)

    def refusing(self, names: Sequence[str]) -> SideEffects:
        """Without the rows of `names`: a check on samples (`realigning.transfer`) found the forecaster stale there."""
        stale = np.isin(self.names, list(names))[:, None]
        shift, se = (np.where(stale, np.nan, values) for values in (self.shift, self.se))
        return replace(self, shift=shift, se=se, refused=tuple(n for n in self.names if n in names))

    def specificity(self) -> np.ndarray:
        """(interventions,) share of a row's squared shift that its most moved theme has, in [1 / themes, 1]; NaN if
        none.

        What a theme loses others gain, so that a row that moves one theme to one other has a half.
        """
        squared = self.shift**2
        with np.errstate(invalid="ignore", divide="ignore"):
            share: np.ndarray = squared.max(axis=1) / squared.sum(axis=1)
        return share

    def order(self) -> np.ndarray:
        """Rows so that alike ones stand together: average linkage of their correlation, leaves ordered; unseen ones
        last.

        Bar-Joseph, Gifford and Jaakkola 2001, Bioinformatics 17:S22, for the order of the leaves.
        """
        from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
        from scipy.spatial.distance import pdist

        seen = ~np.isnan(self.shift).any(axis=1)
        rows = np.flatnonzero(seen)
        if len(rows) > 2:
            length = np.linalg.norm(self.shift[rows], axis=1, keepdims=True)
            apart = pdist(self.shift[rows] / np.maximum(length, 1e-12))
            rows = rows[leaves_list(optimal_leaf_ordering(linkage(apart, "average"), apart))]
        return np.concatenate([rows, np.flatnonzero(~seen)])

    def to_pandas(self) -> pandas.DataFrame:
        """Interventions as rows, themes as columns."""
        import pandas

        return pandas.DataFrame(self.shift, index=list(self.names), columns=list(self.themes))

    def plot(self, path: Path | str) -> Path:
        """Heat map, rows clustered, themes by how much they move. PNG or SVG by the suffix. Raises `InputError`."""
        order = self.order()
        columns = np.argsort(-np.nan_to_num(np.abs(self.shift)).max(axis=0), kind="stable")[:40]
        most = float(np.nanmax(np.abs(self.shift), initial=1e-9))
        figure = new_figure(2.6 + 0.24 * len(columns), 1.8 + 0.2 * len(order))
        axes = figure.subplots()
        image = axes.imshow(self.shift[np.ix_(order, columns)], cmap="PuOr", vmin=-most, vmax=most, aspect="auto")
        axes.set_xticks(range(len(columns)), [plain_label(self.themes[c]) for c in columns], rotation=90, fontsize=7)
        told = [
            n + (" – refused" if n in self.refused else " – not seen" if n in self.unseen else "") for n in self.names
        ]
        axes.set_yticks(range(len(order)), [plain_label(told[r]) for r in order], fontsize=7)
        axes.set_title(f"foretold shift in P(theme), step {self.step}", fontsize=9)
        figure.colorbar(image, ax=axes, shrink=0.6)
        return write_figure(figure, Path(path))


def every_head(subject: HuggingFaceSubject) -> list[Intervention]:
    """Every head of the model, set to zero in turn."""
    heads = subject.model.config.get_text_config().num_attention_heads
    return [ablate(f"head:{b + 1}.{h}") for b in range(len(subject.anatomy.blocks)) for h in range(heads)]


def sweep(
    subject: HuggingFaceSubject,
    forecaster: Predicts,
    site: str,
    prompts: Sequence[str],
    interventions: Sequence[Intervention],
    *,
    step: int = 1,
    report: Callable[[int, int], None] | None = None,
) -> SideEffects:
    """Foresee each intervention's shift at `step`, `forecaster` reading at `site` (late enough to see the changes).

    `report(done, total)` is called after each. Raises `InputError`, `InterventionError` for one the model cannot take.
    """
    if not prompts or not interventions:
        raise InputError(f"{len(prompts)} prompts and {len(interventions)} interventions; give some of both")
    before = subject.activations(prompts, [site])[site]
    horizon = forecaster.predict(before[:1]).steps.shape[1]
    if not 1 <= step <= horizon:
        raise InputError(f"step {step}; the forecaster looks 1 to {horizon} steps ahead")
    rows, errors, themes = [], [], forecaster.predict(before[:1]).themes
    for i, intervention in enumerate(interventions):
        after = subject.activations(prompts, [site], intervention=intervention)[site]
        try:
            found = foresee(forecaster, before, after)
            rows.append(found.shift[step - 1])
            errors.append(found.se[step - 1])
        except InterventionError:  # it acts behind the site: not seen is not zero
            rows.append(np.full(len(themes), np.nan))
            errors.append(np.full(len(themes), np.nan))
        if report is not None:
            report(i + 1, len(interventions))
    return SideEffects(tuple(map(describe, interventions)), themes, np.array(rows), np.array(errors), step)
