"""The vocabulary of the house: frozen records, NumPy only, no behaviour beyond what the fields imply.

Read this file first. A `Subject` writes `Step`s; sampling turns them into `Trajectory` records; a labeller fills in
their `Segment`s; the chains of many trajectories become `Futures`; a forecaster turns activations into a `Forecast`.
Arrays never travel inside a `Trajectory`: it names keys of the run's store.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Chain = tuple[str, ...]
"""An ordered run of themes, e.g. ("ingredients", "instructions", "rating", "end")."""

END = "end"
"""The theme of having ended: the last of a chain whose text the subject finished by itself; absorbing ever after."""

OTHER = "other"
"""The theme of a segment that no theme of the codebook fits."""

UNKNOWN = -1
"""Theme index of a step that was not observed: the text was cut off before it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a trajectory's text about one thing."""

    start: int
    """First character of `Trajectory.text`, counted from 0."""
    stop: int
    """One past the last character."""
    theme: str | None = None
    """None until labelled."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """A change made to a subject while it writes. Data, not code: it can be saved, repeated, composed and undone."""

    kind: str
    """What is done, e.g. "ablate"; "sequence" is several changes, one after the other."""
    site: str = ""
    """Where, e.g. "head:3.5" or "resid.2"; empty for a change that has no place inside."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON values; held as a copy, so that a saved one is equal to the one it was saved from."""

    def __post_init__(self) -> None:
        """Raises `TypeError` or `ValueError` for params that are not plain JSON (NaN and infinity are not)."""
        object.__setattr__(self, "params", json.loads(json.dumps(dict(self.params), allow_nan=False)))

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits, decided by the content alone; equal changes have equal ones."""
        text = json.dumps([self.kind, self.site, self.params], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def parts(self) -> tuple[Intervention, ...]:
        """The single changes, in the order in which they are made.

        >>> both = Intervention("sequence", params={"parts": [{"kind": "ablate", "site": "head:1.0"}]})
        >>> both.parts
        (Intervention(kind='ablate', site='head:1.0', params={}),)
        """
        if self.kind != "sequence":
            return (self,)
        return tuple(p for part in self.params.get("parts", ()) for p in Intervention(**part).parts)


@dataclass(frozen=True, slots=True)
class Policy:
    """How tokens are drawn. A forecast is of a policy, not of a model."""

    max_tokens: int = 128
    """Most tokens written after the prompt."""
    temperature: float = 1.0
    """0 is greedy."""
    top_p: float = 1.0
    """Nucleus: the smallest set of tokens with at least this mass, in (0, 1]."""
    top_k: int = 0
    """Only the k likeliest tokens; 0 is no limit."""
    stop: tuple[str, ...] = ()
    """Texts that end the writing; the stop text itself is cut off."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a batch of outputs."""

    tokens: tuple[int | None, ...]
    """(rows,) the token each row wrote; None where the row had already finished."""
    ended: tuple[bool, ...]
    """(rows,) whether the row is finished after this step (end token, stop text or max_tokens)."""
    activations: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Site -> (rows, width), read at the position that produced this token: at step 0 the prompt's. NaN if finished."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One output of one subject: the record everything else reads or annotates."""

    id: str
    """Unique in its run: "<prompt_id>/<sample>"."""
    subject: str
    """Fingerprint of the subject."""
    prompt_id: str
    prompt: str
    seed: int
    tokens: tuple[int, ...]
    """Token ids written after the prompt, without the end token."""
    text: str
    """The decoded continuation, without the prompt."""
    finished: bool
    """True if the subject ended by itself; False if it was cut off at max_tokens."""
    intervention: Intervention | None = None
    segments: tuple[Segment, ...] = ()
    arrays: Mapping[str, str] = field(default_factory=dict)
    """Site -> key in the run's store."""

    @property
    def chain(self) -> Chain:
        """Themes in order, repeats of the theme before collapsed, `end` last if the subject finished by itself.

        >>> t = Trajectory("a/0", "s", "a", "", 0, (), "xyz", True, segments=(Segment(0, 1, "plan"),
        ...     Segment(1, 2, "plan"), Segment(2, 3, "answer")))
        >>> t.chain
        ('plan', 'answer', 'end')
        """
        themes = [s.theme for s in self.segments if s.theme is not None]
        kept = [t for i, t in enumerate(themes) if i == 0 or t != themes[i - 1]]
        return (*kept, END) if self.finished else tuple(kept)


@dataclass(frozen=True, slots=True)
class Futures:
    """What the samples of each prompt went on to write, as theme indices: what a forecaster is fitted to.

    After `end` every further step is `end`; a step beyond a text that was cut off is `UNKNOWN`. The theme a text was
    cut off in counts as observed (it began); what would have followed does not.
    """

    themes: tuple[str, ...]
    """Names, by index. Contains `end`."""
    steps: np.ndarray
    """(prompts, samples, horizon) int16: index into `themes`, or UNKNOWN."""

    def frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        """((prompts, horizon, themes) float64 shares among the observed samples, (prompts, horizon) their number).

        A prompt none of whose samples was observed at a step has NaN shares and number 0.
        """
        index = np.arange(len(self.themes))
        counts = (self.steps[..., None] == index).sum(axis=1).astype(float)
        seen = counts.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return counts / seen[..., None], seen.astype(int)


def futures_of(chains: list[list[Chain]], themes: tuple[str, ...], horizon: int) -> Futures:
    """Index the chains of each prompt's samples. All prompts need the same number of samples.

    >>> f = futures_of([[("a", "b"), ("b", "end")]], ("a", "b", "end"), 3)
    >>> f.steps.tolist()
    [[[0, 1, -1], [1, 2, 2]]]
    """
    index = {theme: i for i, theme in enumerate(themes)}
    steps = np.full((len(chains), len(chains[0]) if chains else 0, horizon), UNKNOWN, dtype=np.int16)
    for p, samples in enumerate(chains):
        for s, chain in enumerate(samples):
            row = [index[t] for t in chain[:horizon]]
            if chain and chain[-1] == END:
                row += [index[END]] * (horizon - len(row))
            steps[p, s, : len(row)] = row
    return Futures(themes, steps)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What each row (prompt) is about to write, as odds."""

    themes: tuple[str, ...]
    """Names, by index. Contains `end`."""
    steps: np.ndarray
    """(rows, horizon, themes) float: P(theme at step h); every row of every step sums to 1. `end` absorbs."""
    chains: tuple[Chain, ...] = ()
    """The likeliest chains of the horizon, of any row; a chain shorter than the horizon ends in `end`."""
    probs: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    """(rows, len(chains)) P(chain); a row may sum to less than 1, the rest is "something else"."""


@dataclass(frozen=True, slots=True)
class Score:
    """How good one forecaster or baseline is at one step. NaN means "could not judge"."""

    forecaster: str
    step: int
    """1 is the next theme."""
    cross_entropy: float
    """Nats per theme on samples of prompts never seen."""
    low: float
    """Lower end of the prompt-level 95 % bootstrap interval of the cross-entropy."""
    high: float
    brier: float
    """Sum over themes of squared error, in [0, 2]."""
    explained: float
    """(base rate - this) / (base rate - ceiling), in cross-entropy: 0 the base rate, 1 the model's own resamples."""
    ece: float
    """Classwise expected calibration error, in [0, 1]."""
    k_star: float
    """How many samples of the prompt, shrunk towards the base rate, one forecast is worth (unbiased quadratic form)."""
    k_raw: float
    """How many raw samples it is worth: more, as the base rate alone is worth several."""
    n_prompts: int


@dataclass(frozen=True, slots=True)
class Effect:
    """How a measure moved between two sets of trajectories. NaN means "could not judge"."""

    measure: str
    shift: float
    """Mean over prompts of after minus before."""
    low: float
    """Lower end of its 95 % interval; prompts, not samples, are what is drawn again."""
    high: float
    n: int
    """Prompts with a value on both sides."""
    unmeasured: int
    """Trajectories the measure could not judge: counted, never guessed."""
    kind: str = ""
    """What sort of measure: "theme", "transition", "chain", "guard" ..."""
    before: float = float("nan")
    """Mean over the same prompts."""
    after: float = float("nan")
    p: float = float("nan")
    """Of "it did not move"."""
    q: float = float("nan")
    """The same, adjusted for everything that was looked at in one comparison."""
    margin: float = float("nan")
    """A shift smaller than this counts as having stayed."""
    q_same: float = float("nan")
    """Of "it moved by the margin or more", adjusted likewise."""
    moved: bool = False
    same: bool = False
    """Both may hold: a shift that is real and small. Neither: not enough was seen to say."""
