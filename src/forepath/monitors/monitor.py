"""The monitor: a forecaster, a labeller and what the user wants to know, ready to follow any number of texts.

One `Monitor` is shared; each text has a `follower.Follower`. The subject's stream is read; nothing is sampled twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import InputError
from forepath.monitors.follower import Follower
from forepath.monitors.guard import Guard
from forepath.monitors.ledger import Ledger
from forepath.monitors.readings import Reading
from forepath.monitors.row import Row
from forepath.monitors.rules import Rule, Watch
from forepath.monitors.showing import Watching, watch
from forepath.monitors.threshold import ville
from forepath.monitors.tokens import Tokens
from forepath.protocols import Forecaster, Labeller, Subject
from forepath.records import Policy, Step
from forepath.subjects.spelling import Spelling
from forepath.themes.labelling import NearestLabeller

MOST_SUBJECTS = 4
"""Subjects whose tokens are remembered."""
TextFeatures = Callable[[str, str, tuple[str, ...]], np.ndarray]
"""(prompt, text so far, themes heard) -> (width,): what a forecaster reads that sees no activations."""


@dataclass(frozen=True, slots=True)
class OffPath:
    """When to say that a text has left the forecast path."""

    rate: float = 0.05
    """Share of conversations in which a false alarm is accepted."""
    limit: float | None = None
    """Evidence that must be exceeded, from `threshold.calibrated`; None: 1 / rate, right for a true forecast."""
    actions: tuple[str, ...] = ()

    @property
    def bound(self) -> float:
        """Evidence from which the alarm is raised."""
        return ville(self.rate) if self.limit is None else math.nextafter(self.limit, math.inf)

    def __str__(self) -> str:
        return f"off path at {self.rate:g}" + ("" if self.limit is None else " (calibrated)")


@dataclass(slots=True)
class Moment:
    """One step of the texts being followed. Not frozen: one is made at each token, and freezing takes longer."""

    step: Step
    readings: Sequence[Reading | None]
    """(rows,) None where nothing new is to be said."""
    _rows: Sequence[Row]
    _number: int

    @property
    def pieces(self) -> tuple[str, ...]:
        """(rows,) the text that each row's token added; spelled when asked for, by the thread that reads the stream."""
        return tuple(row.piece(self._number) for row in self._rows)


class Monitor:
    """Watches texts while they are written."""

    def __init__(
        self,
        forecaster: Forecaster,
        labeller: Labeller,
        *,
        themes: Sequence[str],
        site: str | None = None,
        subject: str | None = None,
        policy: Policy | None = None,
        horizon: int = 3,
        every: int = 0,
        off_path: OffPath | None = OffPath(),
        rules: Sequence[Rule] = (),
        guard: Guard | None = None,
        lengths: np.ndarray | None = None,
        features: TextFeatures | None = None,
        source: str = "",
    ) -> None:
        """`themes`: the forecaster's, by index. `site`: where it reads, for `follow`; with `features` it reads the text
        instead. `subject`, `policy`: what it was fitted on; anything else is doubted. `every`: tokens after which to
        read again within a sentence, 0 for never. `lengths` (themes,) mean tokens of a segment, for distances.
        `source`: how the forecaster came to be, in words. Raises `InputError` for a rule about a theme that is not
        forecast, or lengths that are not one a theme.
        """
        if (site is None) == (features is None):
            raise InputError("a monitor reads activations at a site or features of the text: give one of the two")
        if every < 0:
            raise InputError(f"every={every}; wanted a number of tokens, or 0 to read at the ends of sentences only")
        self.forecaster, self.labeller = forecaster, labeller
        self.themes, self.horizon, self.every = tuple(themes), horizon, every
        self.site, self.features = site, features
        self.subject, self.policy = subject, policy
        self.off_path, self.rules, self.guard = off_path, tuple(rules), guard
        self.lengths = np.full(len(self.themes), np.nan) if lengths is None else np.asarray(lengths, dtype=float)
        if self.lengths.shape != (len(self.themes),):
            raise InputError(f"lengths of shape {self.lengths.shape}; wanted one for each of {len(self.themes)} themes")
        self.hue: Callable[[str], str] = lambda theme: "#555555"
        """Theme -> "#rrggbb", for views."""
        self.source = source or (f"activations at {site}" if site else "text only")
        self.ledger = Ledger(self.themes)
        """How good the forecasts of all texts followed so far have been."""
        self._tokens: dict[str, Tokens] = {}
        for rule in self.rules:
            Watch(rule, self.themes, horizon)
        if isinstance(labeller, NearestLabeller):
            labeller.cosines_of("")  # what it makes ready at its first text is made ready now

    def open(self, prompt: str, *, doubts: Sequence[str] = (), name: str = "") -> Follower:
        """Begin to follow one text. `doubts`: what already speaks against the forecaster here. `name`: of a text that
        may be followed again from its beginning; its forecasts are then not counted twice (`Ledger.open`).
        """
        return Follower(self, prompt, doubts, name)

    def memory_of(self, subject: Subject) -> dict[tuple[int, ...], str]:
        """What tokens of this subject spell, as far as it was met: for `Spelling`."""
        return self._tokens_of(subject).spelled

    def _tokens_of(self, subject: Subject) -> Tokens:
        tokens = self._tokens.get(subject.fingerprint)
        if tokens is None:
            if len(self._tokens) >= MOST_SUBJECTS:
                self._tokens.clear()
            tokens = self._tokens[subject.fingerprint] = Tokens.of(subject)
        return tokens

    def doubts_about(self, subject: Subject, policy: Policy) -> tuple[str, ...]:
        """Why forecasts of this subject under this policy are not to be trusted; empty if they may be."""
        other = self.subject is not None and subject.fingerprint != self.subject
        named = f"fitted on the subject {(self.subject or '')[:12]}…, this one is {subject.fingerprint[:12]}…"
        return ((named,) if other else ()) + self.doubts_of(policy)

    def doubts_of(self, policy: Policy) -> tuple[str, ...]:
        """Why forecasts under this policy are not to be trusted, whatever the subject."""
        out = []
        if self.policy is not None:
            for name in ("temperature", "top_p", "top_k"):
                fitted, now = getattr(self.policy, name), getattr(policy, name)
                if fitted != now:
                    out.append(f"fitted on texts drawn with {name} {fitted:g}, these are drawn with {now:g}")
        return tuple(out)

    def follow_many(
        self, subject: Subject, prompts: Sequence[str], *, seeds: Sequence[int], policy: Policy = Policy()
    ) -> Iterator[Moment]:
        """The steps of `subject.stream`, each with what the monitor has to say. Row i is what it would be alone.

        A row whose alarm asks to stop is followed no longer; when all rows are finished or stopped, so is the stream.
        """
        rows = self.rows(subject, prompts, policy)
        takes = [row.take for row in rows]
        capture = () if self.site is None else (self.site,)
        for number, step in enumerate(subject.stream(prompts, seeds=seeds, policy=policy, capture=capture)):
            readings: list[Reading | None] = []
            news = False
            for take in takes:
                reading = take(step)
                readings.append(reading)
                news = news or reading is not None
            if news:
                for row, reading in zip(rows, readings, strict=True):
                    if reading is not None and any("stop" in a.actions for a in reading.alarms if a.raised):
                        row.over = True
            yield Moment(step, readings, rows, number)
            if news and all(row.over for row in rows):
                return

    def rows(self, subject: Subject, prompts: Sequence[str], policy: Policy) -> list[Row]:
        """What follows the rows of a stream of this subject."""
        doubts, tokens = self.doubts_about(subject, policy), self._tokens_of(subject)
        ends: frozenset[int] = getattr(subject, "end_ids", frozenset())
        return [
            Row(self.open(prompt, doubts=doubts), Spelling.of(subject, tokens.spelled), number=i, site=self.site,
                ends=ends, most=policy.max_tokens, tokens=tokens)
            for i, prompt in enumerate(prompts)
        ]  # fmt: skip

    def follow(self, subject: Subject, prompt: str, *, seed: int = 0, policy: Policy = Policy()) -> Iterator[Moment]:
        """`follow_many` of one prompt."""
        return self.follow_many(subject, [prompt], seeds=[seed], policy=policy)

    def watch(self, subject: Subject, prompt: str, *, seed: int = 0, policy: Policy = Policy()) -> Watching:
        """`follow`, shown live in a notebook; what is returned draws itself and holds all readings."""
        return watch(self, subject, prompt, seed=seed, policy=policy)
