"""Everything that forecasts in the table: what it reads of a prompt, and how it is fitted. No fit happens here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from forepath.apps.fitting import head
from forepath.apps.judging.case import Case
from forepath.apps.judging.keeping import signature
from forepath.apps.labelling import read_last_themes
from forepath.apps.sampling import Narrowing
from forepath.apps.scoring import untrained_of, words_of
from forepath.forecasters.base_rate import BaseRate
from forepath.forecasters.closed_form import ClosedForm
from forepath.forecasters.layers import LayersForecaster
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.markov import Markov
from forepath.forecasters.uniform import Uniform
from forepath.protocols import Forecaster
from forepath.themes.word_vectors import word_vectors


@dataclass(frozen=True, slots=True)
class Entrant:
    """One row of the table that is fitted."""

    name: str
    kind: str
    """"ours", or what it is a rival by: "activations", "text", "themes", "control"."""
    about: str
    """What it knows, in a few words."""
    make: Callable[[int], Forecaster]
    """From a seed, unfitted."""
    features: Callable[[], np.ndarray]
    """(prompts, …) of all prompts of the run."""
    reads: Callable[[Sequence[str]], np.ndarray] | None = None
    """The same of any texts; None where only the run's own prompts have them."""
    fitted: Callable[[], Forecaster] | None = None
    """The one that is kept in the run, if it is."""
    slow: bool = False
    """Tens of seconds rather than seconds: fitted with groups left out only if the judge is asked to be thorough."""
    whole: bool = False
    """It trains with torch: not side by side with others in one process."""

    @property
    def key(self) -> str:
        """To keep its forecasts by: another model or other layers under the same name are another entrant."""
        return f"{self.name} {signature([self.about])}"


def entrants(case: Case) -> list[Entrant]:
    """Those that every run has: the run's forecaster, the cheap ones beside it, rivals and controls."""
    settings, store, subject = case.settings, case.trial.store, case.trial.subject
    site, seed = case.site, case.settings.seed
    known_texts = [case.texts[i] for i in case.known]

    def stored(name: str) -> Callable[[], np.ndarray]:
        return cache(lambda: store.arrays("activations", name))

    def read(texts: Sequence[str], name: str) -> np.ndarray:
        return subject.activations(list(texts), [name])[name]

    chosen, logits = stored(site), stored("logits")
    last = cache(lambda: read_last_themes(store, case.folds.futures.themes))

    def linear(_seed: int) -> Forecaster:
        return head(settings, chains=False)

    def shuffled() -> np.ndarray:
        values = chosen().copy()
        order = np.random.default_rng(seed).permutation(len(case.known))
        values[case.known[order]] = chosen()[case.known]  # so that each meets the futures it meets in `forepath score`
        return values

    found = [
        Entrant(
            case.main, "ours", f"the run's forecaster: one linear head on {site}", linear, chosen,
            lambda texts: read(texts, site),
            lambda: LinearForecaster.load(store.folder("forecaster"), subject=subject.fingerprint),
        ),
        Entrant("ridge", "activations", f"closed form, log odds regressed on {site}",
                lambda s: ClosedForm("ridge", chains=False, seed=s), chosen, lambda texts: read(texts, site)),
        Entrant("lda", "activations", f"closed form, a Gaussian per theme on {site}",
                lambda s: ClosedForm("lda", chains=False, seed=s), chosen, lambda texts: read(texts, site)),
        Entrant("base_rate", "themes", "no prompt: the share of each theme among the known prompts",
                lambda _: BaseRate(), lambda: chosen()[:, :1], lambda texts: np.zeros((len(texts), 1))),
        Entrant("uniform", "themes", "nothing: even odds of every theme", lambda _: Uniform(), lambda: chosen()[:, :1],
                lambda texts: np.zeros((len(texts), 1))),
        Entrant("markov", "themes", "the theme in which the prompt ends, first order", lambda _: Markov(), last),
        Entrant("length", "text", "the number of characters and lines of the prompt, nothing else", linear,
                lambda: _lengths(case.texts), _lengths),
        Entrant("tfidf", "text", "the words of the prompt", lambda s: LinearForecaster("none", chains=False, seed=s),
                cache(lambda: words_of(case.trial)), lambda texts: word_vectors(known_texts, texts)),
        Entrant("logits", "activations", "the next-token logits: a plan must be worth more than the next word",
                linear, logits, lambda texts: Narrowing()(read(texts, "logits"))),
        Entrant("shuffled", "control", "activations of other prompts: must not beat the base rate", linear,
                cache(shuffled)),
        Entrant("random_weights", "control", "an untrained model of the same shape, at its best site", linear,
                cache(lambda: untrained_of(case.trial))),
    ]  # fmt: skip
    layers = case.layers
    if len(layers) > 1:
        found.insert(3, Entrant(
            "layers", "activations", f"all of {layers[0]} to {layers[-1]} at once, with learned shares",
            lambda s: LayersForecaster(chains=False, seed=s), case.all_layers,
            lambda texts: _stacked(subject.activations(list(texts), layers), layers), slow=True,
        ))  # fmt: skip
    return found


def _stacked(read: dict[str, np.ndarray], sites: Sequence[str]) -> np.ndarray:
    return np.stack([read[site] for site in sites], axis=1)


def _lengths(texts: Sequence[str]) -> np.ndarray:
    """(texts, 3): characters, their logarithm, lines."""
    return np.array([[len(t), np.log1p(len(t)), t.count("\n")] for t in texts], dtype=float).reshape(len(texts), 3)
