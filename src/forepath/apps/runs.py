"""A finished run, opened: forecasts of new prompts, its scores, its texts. Reads; writes nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forepath.apps.judging.keeping import number
from forepath.apps.labelling import read_codebook, read_labelled
from forepath.apps.models import subject_of
from forepath.apps.results import ChainForecast, ScoreTable
from forepath.apps.settings import settings_in
from forepath.apps.terminal import plain
from forepath.forecasters.linear import LinearForecaster
from forepath.records import Score, Trajectory
from forepath.store import Run

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject
    from forepath.themes.codebook import Codebook


class OpenRun:
    """One run on disk and, once a forecast is asked for, its subject in memory."""

    def __init__(self, store: Run, *, trust_remote_code: bool = False) -> None:
        """Use `open_run`."""
        self.store = store
        self.path = store.path
        self.settings = replace(settings_in(store), trust_remote_code=trust_remote_code)

    def __repr__(self) -> str:
        return f"OpenRun({str(self.path)!r}: {self.settings.subject}, {self.settings.samples} samples a prompt)"

    def _repr_html_(self) -> str:
        """The themes and, if the run is scored, its table."""
        table = self.scores()._repr_html_() if self.store.has("scores") else "<p>not scored yet</p>"
        themes = self.codebook_text() if self.store.has("codebook") else ""
        return f"<p>{escape(repr(self))}</p><pre>{escape(themes)}</pre>{table}"

    @cached_property
    def codebook(self) -> Codebook:
        """The run's themes."""
        return read_codebook(self.store)

    @property
    def themes(self) -> tuple[str, ...]:
        """Names of the themes by index, `other` and `end` last."""
        return self.codebook.names

    @cached_property
    def subject(self) -> HuggingFaceSubject:
        """The model the run is about, loaded. Raises `MismatchError` if its weights have changed since."""
        return subject_of(self.store, self.settings)

    @cached_property
    def forecaster(self) -> LinearForecaster:
        """The fitted forecaster. Raises `RunIncompleteError` if the run has none yet."""
        folder = self.store.folder("forecaster")
        return LinearForecaster.load(folder, subject=self.store.config["subject"], codebook=self.codebook.id)

    def forecast(self, prompt: str) -> ChainForecast:
        """The odds of what follows `prompt`, from one reading of it; nothing is sampled."""
        assert self.forecaster.origin is not None  # loaded forecasters have one
        site = self.forecaster.origin.site
        activations = self.subject.activations([prompt], [site])[site]
        return ChainForecast(prompt, self.forecaster.predict(activations), f"linear@{site}", activations)

    def scores(self) -> ScoreTable:
        """The table of the test prompts. Raises `RunIncompleteError` if the run is not scored yet."""
        data = self.store.read_document("scores")
        rows = [_score(row) for row in data["rows"]]
        costs = [self.store.read_document("costs")["note"]] if self.store.has("costs") else []
        return ScoreTable(rows, (*data["notes"], *costs))

    def codebook_text(self) -> str:
        """One line per theme: its name, its share of what it was discovered on, and the beginning of a quotation."""
        lines = []
        for theme in self.codebook.themes:
            share = "" if math.isnan(theme.share) else f"{100 * theme.share:4.1f} %"
            quote = " ".join(plain(theme.examples[0]).split())[:70] if theme.examples else plain(theme.description)[:70]
            lines.append(f"{plain(theme.name):<24} {share:>6}  {quote}")
        return "\n".join(lines)

    def audit_text(self) -> str:
        """The codebook with its checks, as text."""
        return str(self.store.read_document("audit")["text"])

    def trajectories(self, *, prompts: int, samples: int) -> list[list[Trajectory]]:
        """The first `samples` labelled trajectories of the first `prompts` prompts."""
        groups: dict[str, list[Trajectory]] = {}
        for trajectory in read_labelled(self.store):  # a shard at a time: no more is read than is shown
            if trajectory.prompt_id not in groups and len(groups) == prompts:
                break
            groups.setdefault(trajectory.prompt_id, []).append(trajectory)
        return [group[:samples] for group in groups.values()]


def _score(row: dict[str, Any]) -> Score:
    """Back from JSON, where null is "could not judge" and "inf" more than can be measured."""
    counted = ("forecaster", "step", "n_prompts")
    values: dict[str, Any] = {k: v if k in counted else number(v) for k, v in row.items()}
    return Score(**values)


def open_run(path: Path | str, *, trust_remote_code: bool = False) -> OpenRun:
    """Open a run directory. Raises `RunError` if there is none, `RunVersionError` if a newer forepath wrote it.

    `trust_remote_code`: let a model that needs code of its own run it; never taken from the run.
    """
    return OpenRun(Run.open(path), trust_remote_code=trust_remote_code)
