"""Stage four: the forecaster and every baseline on the test prompts, judged by the same samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from forepath.apps.auditing import true_segments, write_audit
from forepath.apps.costs import write_costs
from forepath.apps.fitting import best_site, head
from forepath.apps.judging.keeping import plain_json
from forepath.apps.labelling import (
    Folds,
    read_codebook,
    read_fold_names,
    read_folds,
    read_labelled,
    read_last_themes,
)
from forepath.apps.progress import Report
from forepath.apps.sampling import sites_of
from forepath.apps.settings import Settings
from forepath.errors import PromptError
from forepath.forecasters.base_rate import BaseRate
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.markov import Markov
from forepath.records import Forecast, Futures, Score
from forepath.stats.judge import Judge
from forepath.store import Prompt, Run
from forepath.themes.confusion import SLIP, confusion, renamed
from forepath.themes.word_vectors import word_vectors

if TYPE_CHECKING:
    from forepath.subjects.huggingface import HuggingFaceSubject

SAMPLES = (1, 2, 4, 8, 16)
"""How many samples the Monte-Carlo rivals get; at least two of a prompt's samples must be left to judge by."""
FEW_PROMPTS = 30
"""Test prompts below which the table says that they are few."""
FEW_GROUPS = 20
"""Below so many groups the bootstrap over them is known to understate the doubt (Cameron, Gelbach and Miller 2008)."""
MOST_TEXTS = 4000
"""Training texts on which the labeller's confusion with the true themes is counted."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What every forecaster of a run is handed, and how it is judged."""

    store: Run
    settings: Settings
    subject: HuggingFaceSubject
    folds: Folds
    judge: Judge

    def of(self, features: np.ndarray, forecaster: LinearForecaster, *, shuffled: bool = False) -> Forecast:
        """`forecaster` fitted on `features` (prompts, width) of the known prompts, read on the test prompts."""
        known = self.folds.where("train", "validation")
        futures = self.folds.of("train", "validation")
        if shuffled:
            order = np.random.default_rng(self.settings.seed).permutation(len(futures.steps))
            futures = replace(futures, steps=futures.steps[order])
        return forecaster.fit(features[known], futures).predict(features[self.folds.where("test")])


def write_scores(store: Run, settings: Settings, subject: HuggingFaceSubject, report: Report) -> None:
    """Documents `audit`, `scores` and, because seconds differ from run to run, `costs` on its own."""
    if not (store.has("audit") and store.has("scores")):
        folds = read_folds(store, settings)
        write_audit(store, settings, folds)
        judge = Judge(
            folds.of("test"), folds.of("train", "validation"), seed=settings.seed, groups=folds.groups(settings, "test")
        )
        trial = Trial(store, settings, subject, folds, judge)
        rows: list[Score] = []
        entries = _entries(trial)
        for i, (name, forecast) in enumerate(entries):
            report("score", i, len(entries) + 1, name)
            rows += judge.score(name, forecast())
        for k in (k for k in SAMPLES if k + 2 <= settings.samples):
            rows += judge.monte_carlo(k, shrink=False) + judge.monte_carlo(k, shrink=True)
        rows += judge.ceiling()
        report("score", len(entries) + 1, len(entries) + 1)
        plain = [plain_json(asdict(row)) for row in rows]
        store.write_document("scores", {"rows": plain, "notes": notes_of(trial)})
    if not store.has("costs"):
        write_costs(store, settings, subject)


def _entries(trial: Trial) -> list[tuple[str, Callable[[], Forecast]]]:
    """(name, how to get its forecast of the test prompts) of everything that forecasts."""
    store, settings, folds = trial.store, trial.settings, trial.folds
    test = folds.where("test")
    site = str(store.read_document("sweep")["site"])
    chosen = store.arrays("activations", site)
    saved = LinearForecaster.load(store.folder("forecaster"), subject=trial.subject.fingerprint)
    entries: list[tuple[str, Callable[[], Forecast]]] = [
        (f"linear@{site}", lambda: saved.predict(chosen[test])),
        ("base_rate", lambda: _fit_plain(BaseRate(), chosen[:, :1], trial)),
        ("markov", lambda: _fit_plain(Markov(), read_last_themes(store, folds.futures.themes), trial)),
        ("tfidf", lambda: trial.of(words_of(trial), LinearForecaster("none", chains=False, seed=settings.seed))),
        ("logits", lambda: trial.of(store.arrays("activations", "logits"), head(settings, chains=False))),
        ("shuffled", lambda: trial.of(chosen, head(settings, chains=False), shuffled=True)),
        ("random_weights", lambda: trial.of(untrained_of(trial), head(settings, chains=False))),
    ]
    if settings.world:
        entries.append(("exact", lambda: exact_of(trial)))
    return entries


def _fit_plain(forecaster: BaseRate | Markov, features: np.ndarray, trial: Trial) -> Forecast:
    known, test = trial.folds.where("train", "validation"), trial.folds.where("test")
    return forecaster.fit(features[known], trial.folds.of("train", "validation")).predict(features[test])


def words_of(trial: Trial) -> np.ndarray:
    """(prompts, width) of the words of every prompt, weighted on the known ones."""
    known = trial.folds.where("train", "validation")
    texts = [p.text for p in trial.folds.prompts]
    return word_vectors([t for t, k in zip(texts, known, strict=True) if k], texts)


def untrained_of(trial: Trial) -> np.ndarray:
    """Activations of the untrained twin, at the site that is best for it on the validation prompts."""
    from forepath.subjects.control import randomised

    twin = randomised(trial.subject, trial.settings.seed)
    sites = [s for s in sites_of(trial.settings, twin) if s != "logits"]
    read = twin.activations([p.text for p in trial.folds.prompts], sites)
    return read[best_site(trial.settings, read, sites, trial.folds)]


def check_world(prompts: Sequence[Prompt]) -> None:
    """Raises `PromptError` for a prompt that no document of the known world begins with."""
    from forepath.worlds.documents import document_grammar
    from forepath.worlds.posterior import posterior

    for prompt in prompts:
        try:
            posterior(document_grammar(), prompt.text)
        except PromptError as error:
            raise PromptError(f"world=documents, but a prompt is not of that world: {error}") from error


def exact_of(trial: Trial) -> Forecast:
    """The world's own odds for the test prompts, in the codebook's names: see `themes.confusion`."""
    from forepath.worlds.documents import document_grammar
    from forepath.worlds.exact import exact_forecast

    grammar, themes = document_grammar(), trial.folds.futures.themes
    names = read_fold_names(trial.store, trial.settings)
    known = (t for t in read_labelled(trial.store) if names[t.prompt_id] == "train" and t.segments)
    training = list(islice(known, MOST_TEXTS))
    rates = confusion(training, true_segments(training), grammar.themes, themes)
    prompts = [p.text for p, t in zip(trial.folds.prompts, trial.folds.where("test"), strict=True) if t]
    return renamed(exact_forecast(grammar, prompts, trial.settings.horizon), rates, themes, trial.judge.base)


def notes_of(trial: Trial) -> list[str]:
    """What must be known to read the table."""
    sweep = trial.store.read_document("sweep")
    tried = ", ".join(f"{s} {v:.3f}" for s, v in sweep["validation_cross_entropy"].items())
    futures: Futures = trial.folds.of("test")
    unseen = [int((futures.steps[:, :, h] < 0).sum()) for h in range(futures.steps.shape[2])]
    notes = [
        f"{int(trial.folds.where('train', 'validation').sum())} prompts to fit and choose on, "
        f"{len(futures.steps)} to test on, {trial.settings.samples} samples each; "
        f"themes of codebook {read_codebook(trial.store).id}",
        f"the site was chosen on validation prompts (mean cross-entropy: {tried})",
        "test samples cut off before a step, left out of it: "
        + ", ".join(f"step {h + 1}: {n} of {futures.steps[:, :, h].size}" for h, n in enumerate(unseen)),
        "so a step is scored given that the text reached it within the token limit, for every row alike",
        f"a forecast is of a policy: temperature {trial.settings.policy.temperature:g}, top-p "
        f"{trial.settings.policy.top_p:g}, at most {trial.settings.policy.max_tokens} tokens",
    ]
    if len(futures.steps) < FEW_PROMPTS:
        notes.append(
            f"{len(futures.steps)} test prompts are few: 'explained' above 1, and what k and k* say beyond the number "
            "of samples, are noise"
        )
    if trial.settings.group:
        known, asked = (len(set(trial.folds.groups(trial.settings, *f))) for f in (("train", "validation"), ("test",)))
        notes.append(
            f"prompts of one {trial.settings.group!r} are in one fold: {known} of these to fit and choose on, "
            f"{asked} to test on; intervals draw whole groups"
            + (f" (of so few as {asked} they come out too narrow)" if asked < FEW_GROUPS else "")
        )
    if trial.settings.world:
        notes.append(
            "exact: the world's odds, renamed step by step by the labeller's confusion with the true themes (an "
            f"approximation beyond the next theme), with {SLIP:.1%} of the base rate mixed in"
        )
    return notes
