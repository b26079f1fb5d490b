"""What is judged: a run with its folds and samples, what was asked for, and what is kept so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

import forepath
from forepath.apps.judging.keeping import Kept
from forepath.apps.labellers import embedder_of, labeller_for
from forepath.apps.labelling import Folds, read_codebook, read_folds, training_texts
from forepath.apps.models import subject_of
from forepath.apps.progress import Report, silent
from forepath.apps.scoring import Trial
from forepath.apps.settings import Settings
from forepath.errors import InputError
from forepath.protocols import Forecaster, Labeller
from forepath.records import Forecast, Futures
from forepath.stats.judge import Judge
from forepath.store import Run

LEAST_SEEDS = 2
WAYS = 2
"""Counts up when an entrant is fitted in another way under the same name: what was kept before is then not read."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a judge is asked to do. The defaults are what a reviewer would ask for."""

    seeds: int = 5
    """Further fits of every forecaster, each to half of the prompts and with another initialisation."""
    by: str | None = None
    """Column whose values are left out in turn; None: the run's groups, or the kind of the known world's documents."""
    paraphrases: str = "paraphrase"
    """Column that holds another wording of the prompt."""
    other: str | None = None
    """The model whose activations are the rival `other_model`; None: the other bundled one."""
    budget: float = 5.0
    """Minutes of new samples, for the shifts that need them; 0 draws none."""
    allow_leaks: bool = False
    thorough: bool = False
    """Spare nothing: further fits and groups left out for the slow ones, too, and the product of all sweeps."""
    without: tuple[str, ...] = ()
    """Rows that are not to be fitted: they are listed as left out."""

    def __post_init__(self) -> None:
        if self.seeds < LEAST_SEEDS:
            raise InputError(f"seeds is {self.seeds}; a spread needs at least {LEAST_SEEDS} further fits (5 are usual)")
        if not 0 <= self.budget < float("inf"):
            raise InputError(f"budget is {self.budget} minutes; give 0 or more")


@dataclass(frozen=True)
class Case:
    """One run before its judge."""

    trial: Trial
    options: Options
    kept: Kept
    report: Report
    fitted: dict[str, Forecaster] = field(default_factory=dict)
    """What was fitted on the way, by name: some parts ask for the same."""

    @property
    def settings(self) -> Settings:
        """Of the run."""
        return self.trial.settings

    @property
    def folds(self) -> Folds:
        """Of the run."""
        return self.trial.folds

    @property
    def judge(self) -> Judge:
        """Of the test prompts."""
        return self.trial.judge

    @cached_property
    def site(self) -> str:
        """Where the run's forecaster reads: chosen on validation prompts."""
        return str(self.trial.store.read_document("sweep")["site"])

    @property
    def main(self) -> str:
        """The name of the run's forecaster."""
        return f"linear@{self.site}"

    @cached_property
    def layers(self) -> list[str]:
        """The stored sites that are one position of the residual stream, in order of depth."""
        names = self.trial.store.array_names("activations")
        plain = [n for n in names if n.startswith("resid.") and n.removeprefix("resid.").isdecimal()]
        return sorted(plain, key=lambda n: int(n.removeprefix("resid.")))

    def all_layers(self) -> np.ndarray:
        """(prompts, layers, width): all of these; the run's site where there are none."""
        return self._all_layers

    @cached_property
    def _all_layers(self) -> np.ndarray:
        sites = self.layers or [self.site]
        return np.stack([self.trial.store.arrays("activations", site) for site in sites], axis=1)

    @cached_property
    def texts(self) -> list[str]:
        """Of all prompts."""
        return [p.text for p in self.folds.prompts]

    @cached_property
    def known(self) -> np.ndarray:
        """(known prompts,) indices of those to fit and choose on."""
        return np.flatnonzero(self.folds.where("train", "validation"))

    @cached_property
    def test(self) -> np.ndarray:
        """(test prompts,) indices."""
        return np.flatnonzero(self.folds.where("test"))

    @cached_property
    def labeller(self) -> Labeller:
        """The run's own."""
        store = self.trial.store
        training = training_texts(store, self.settings)
        embedder = embedder_of(store, self.settings, self.trial.subject, training)
        return labeller_for(self.settings, read_codebook(store), training, embedder)

    def futures(self, rows: np.ndarray) -> Futures:
        """Of these prompts."""
        return replace(self.folds.futures, steps=self.folds.futures.steps[rows])

    def groups(self, rows: np.ndarray) -> list[str]:
        """(rows,) what each of these prompts shares with others; its own id unless the run is grouped."""
        return [self.settings.group_of(self.folds.prompts[i]) for i in rows]

    def forecast(self, steps: np.ndarray) -> Forecast:
        """A forecast of (rows, horizon, themes) odds in the run's themes."""
        return Forecast(self.folds.futures.themes, steps)

    def judge_of(self, futures: Futures, rows: np.ndarray, known: Futures | None = None) -> Judge:
        """A judge of other samples of the prompts `rows`, or by other base rates, as strict as the run's own."""
        grouped = self.groups(rows) if self.settings.group else None
        return Judge(futures, known or self.futures(self.known), seed=self.settings.seed, groups=grouped)


def open_case(store: Run, settings: Settings, options: Options, report: Report = silent) -> Case:
    """The run with its subject loaded. Raises `RunIncompleteError` for a run that is not scored yet, `MismatchError` if
    its subject has changed.
    """
    store.read_document("scores")  # a run that is not finished says so
    folds = read_folds(store, settings)
    groups = folds.groups(settings, "test") if settings.group else None
    bench = Judge(folds.of("test"), folds.of("train", "validation"), seed=settings.seed, groups=groups)
    version = f"{forepath.__version__} {WAYS} {read_codebook(store).id}"
    trial = Trial(store, settings, subject_of(store, settings), folds, bench)
    return Case(trial, options, Kept(store, version), report)


@dataclass(frozen=True, slots=True)
class Missing:
    """A row or a part that could not be made."""

    name: str
    reason: str


def lines_of(missing: Sequence[Missing]) -> list[dict[str, str]]:
    """As JSON."""
    return [{"forecaster": m.name, "reason": m.reason} for m in missing]
