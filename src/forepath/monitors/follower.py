"""One text being followed: what was heard, what is forecast now, which alarms stand.

Knows pieces of text and activations as they come; not subjects, nor how a stream is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from forepath.forecasters.linear import LinearForecaster
from forepath.monitors.evidence import Capital
from forepath.monitors.hazards import Outlook, independent
from forepath.monitors.ledger import Settled
from forepath.monitors.listening import Heard, Listener
from forepath.monitors.readings import Alarm, Reading
from forepath.monitors.rules import Watch
from forepath.records import END, Chain, Forecast

if TYPE_CHECKING:
    from forepath.monitors.monitor import Monitor

NEVER = -1

Read = np.ndarray | Callable[[], np.ndarray] | None
"""An activation (width,), or how to get it: most tokens need none. None for a monitor that reads the text."""


class Follower:
    """Made by `Monitor.open`. Feed it each token's text and the activation that produced the token, then finish."""

    def __init__(self, monitor: Monitor, prompt: str, doubts: Sequence[str], name: str = "") -> None:
        self._monitor = monitor
        self._prompt = prompt
        self._doubts = tuple(doubts)
        self._listener = Listener(monitor.labeller)
        self._index = {theme: i for i, theme in enumerate(monitor.themes)}
        self._end = self._index[END]
        self._evidence = Capital()
        self._off_path = self._stale = False
        self._account = monitor.ledger.open(name)
        self._watches = [Watch(rule, monitor.themes, monitor.horizon) for rule in monitor.rules]
        self._asked: np.ndarray | None = None
        """Odds of the theme of the sentence being written, given before it began."""
        self._last = 0
        self._theme: str | None = None
        self.chain: Chain = ()
        """Themes heard so far, repeats collapsed; `end` last once the text ended by itself."""
        self.heard: list[Heard] = []
        """All finished sentences so far."""
        self.settled: list[Settled] = []
        """Forecasts held against what came so far."""
        self.tokens = 0
        """Tokens fed so far."""
        self._pieces: list[str] = []
        self._ends: list[int] = []

    @property
    def ends(self) -> list[int]:
        """Characters of the text after each token; counted when asked for."""
        known = self._ends
        at = known[-1] if known else 0
        if new := self._pieces[len(known) :]:  # another list: a second thread may be counting the same
            known = self._ends = known + [at := at + len(piece) for piece in new]
        return known

    @property
    def text(self) -> str:
        """All that was fed."""
        return self._listener.text

    @property
    def highest_evidence(self) -> float:
        """The largest e-value against the forecasts so far: what `threshold.calibrated` is made from."""
        return self._evidence.highest

    @property
    def patience(self) -> int | None:
        """Of how many tokens from here on only the last can have a reading, if none holds one of `listening.MARKS`;
        None: of any number, none has.
        """
        if self.tokens == 0 or self._listener.due:
            return 1
        return max(1, self._last + self.every - self.tokens + 1) if self.every else None

    @property
    def every(self) -> int:
        """Tokens after which there is a reading, whatever they are; 0 for none."""
        return self._monitor.every

    def feed(self, piece: str, activation: Read, *, before: Sequence[str] = ()) -> Reading | None:
        """What is new with this token. `piece`: the text it adds; `activation` (width,): read where it was drawn, so it
        has seen all tokens before this one. None for a monitor that reads the text. `before`: what the tokens since the
        last one fed add, at which there is nothing to say (`patience`).
        """
        if before:
            self._pass_over(before)
        token, at = self.tokens, len(self._listener.text)
        reading = self._read("prompt", activation, token, at) if token == 0 else None
        heard = self._listener.feed(piece)
        self.tokens += 1
        self._pieces.append(piece)
        if heard:
            new = self._hear(heard)
            reading = self._read("theme" if new else "sentence", activation, token, at)
        elif self.every and token - self._last >= self.every:
            reading = self._read("tokens", activation, token, at)
        return reading

    def _pass_over(self, pieces: Sequence[str]) -> None:
        self._pieces += pieces
        self.tokens += len(pieces)
        self._listener.feed("".join(pieces))

    def finish(self, activation: Read, *, ended: bool, before: Reading | None = None) -> Reading:
        """The last reading. `ended`: the subject ended by itself, and then `activation` is where it drew the end (None
        where that was not read); else it was cut off. `before`: a reading of the same step, whose alarms are kept.
        """
        activation = activation() if callable(activation) else activation
        alarms: tuple[Alarm, ...] = before.alarms if before is not None else ()
        heard = self._listener.finish(ended=ended)
        fresh = ended and not self._doubts and (activation is not None or self._monitor.features is not None)
        self._hear(heard)
        if fresh and (heard or self.tokens == 0):
            self._asked = self._course(activation)[0][0]
        if ended:
            self._bet(self._end)
            self.chain = (*self.chain, END)
        alarms += self._off_path_alarm(self.tokens)
        value = self._evidence.value
        return Reading(self.tokens, len(self.text), "end", self._theme, self.chain, None, evidence=value,
                       doubts=self._doubts, alarms=alarms)  # fmt: skip

    def _hear(self, heard: Sequence[Heard]) -> bool:
        """Take in finished sentences: bet on each that was forecast, lengthen the chain. Whether a theme is new."""
        new = False
        for one in heard:
            self.heard.append(one)
            self._bet(NEVER if one.theme is None else self._index.get(one.theme, NEVER))
            self._theme = one.theme
            if one.theme is not None and self.chain[-1:] != (one.theme,):
                self.chain = (*self.chain, one.theme)
                new = True
        return new

    def _bet(self, theme: int) -> None:
        if self._asked is not None:
            odds: list[float] = self._asked.tolist()
            self._evidence.bet(odds, theme)
            if theme != NEVER:
                self._settle(odds, theme)
        self._asked = None

    def _settle(self, odds: list[float], theme: int) -> None:
        top = max(odds)
        one = Settled(self._monitor.themes[theme], self._theme, odds[theme], top, odds.index(top) == theme)
        self._account.settle(len(self.settled), one)
        self.settled.append(one)

    def _read(self, reason: str, activation: Read, token: int, at: int) -> Reading:
        monitor = self._monitor
        activation = activation() if callable(activation) else activation
        self._last = token
        alarms: tuple[Alarm, ...] = ()
        if reason == "prompt" and activation is not None:
            alarms += self._look_at(activation)
        value = self._evidence.value
        if self._doubts:
            return Reading(token, at, reason, self._theme, self.chain, None, evidence=value, doubts=self._doubts,
                           alarms=alarms)  # fmt: skip
        steps, chain = self._course(activation)
        first = steps[0]
        if reason != "tokens":
            self._asked = first
        outlook = Outlook(first, len(steps), chain, monitor.lengths)
        alarms += self._off_path_alarm(token)
        for watch in self._watches:
            alarm = watch.update(outlook, token)
            alarms += () if alarm is None else (alarm,)
        forecast = Forecast(monitor.themes, steps[None])
        return Reading(token, at, reason, self._theme, self.chain, forecast, outlook, value, (), alarms)

    def _look_at(self, activation: np.ndarray) -> tuple[Alarm, ...]:
        """Let the guard see the prompt; its doubts are this conversation's."""
        guard = self._monitor.guard
        if guard is None:
            return ()
        guard.observe(activation)
        if not guard.stale:
            return ()
        why = f"activations have moved away from those it was fitted on (evidence {guard.evidence:.3g})"
        self._doubts = (*self._doubts, why)
        return (Alarm("stale", f"stale at {guard.rate:g}", True, 0, guard.evidence, guard.limit),)

    def _features(self, activation: np.ndarray | None) -> np.ndarray:
        if self._monitor.features is not None:
            return self._monitor.features(self._prompt, self.text, self.chain)
        assert activation is not None  # a monitor with a site is fed activations
        return activation

    def _course(self, activation: np.ndarray | None) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
        """((horizon, themes) odds of what is written next, what gives (horizon - 1, themes, themes) P(theme | theme
        before))."""
        forecaster, point = self._monitor.forecaster, self._features(activation)
        if isinstance(forecaster, LinearForecaster):
            steps, chain = forecaster.course(point)
            return steps, chain if forecaster.chains else partial(independent, steps, self._end)
        odds = getattr(forecaster, "odds", None)
        steps = odds(point[None])[0] if odds is not None else forecaster.predict(point[None]).steps[0]
        transitions = getattr(forecaster, "transitions", None)
        if transitions is None or len(steps) == 1 or not getattr(forecaster, "chains", True):
            return steps, partial(independent, steps, self._end)
        links: np.ndarray = transitions(point[None])[0]
        return steps, lambda: links

    def _off_path_alarm(self, token: int) -> tuple[Alarm, ...]:
        rule = self._monitor.off_path
        value = self._evidence.value
        if rule is None or self._off_path or value < rule.bound:
            return ()
        self._off_path = True
        return (Alarm("off-path", str(rule), True, token, value, rule.bound, rule.actions),)
