"""What follows if: one conditional odds in one sentence, with its doubt. Knows forecasts, not where they come from.

    `rating` follows with 60 % if `story` comes next, 25 % otherwise (90 % interval 54–66 %; 812 training prompts like
    this)

Odds are read off whole chains. What a forecast lists as "something else" is not known to follow or not: it widens
the interval, from none of it to all of it. The rest of the interval is what the members of a bootstrap ensemble say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forepath.errors import InputError
from forepath.records import END, UNKNOWN, Chain, Forecast, Futures


@dataclass(frozen=True, slots=True)
class Event:
    """A theme at a step, or at any step."""

    theme: str
    step: int | None = None
    """1 is the next theme; None is anywhere in the forecast chain."""

    def of(self, chain: Chain) -> bool:
        """Whether it happens in a chain; what has ended stays ended."""
        if self.step is None:
            return self.theme in chain
        return (chain[self.step - 1] if self.step <= len(chain) else chain[-1]) == self.theme

    def __str__(self) -> str:
        if self.step is None:
            return f"`{self.theme}` follows"
        return f"`{self.theme}` comes next" if self.step == 1 else f"`{self.theme}` is theme {self.step}"


@dataclass(frozen=True, slots=True)
class Conditional:
    """P(then | given), beside P(then | not given)."""

    then: Event
    given: Event
    odds: float
    """P(then | given), among the listed chains; NaN where none has `given`."""
    otherwise: float
    """P(then | not given); NaN where every listed chain has `given`."""
    given_odds: float
    """P(given), among the listed chains."""
    low: float
    """Of `odds`: the lower end of its interval."""
    high: float
    level: float
    """Of the interval, e.g. 0.9."""
    unlisted: float
    """Mass of chains that the forecast does not list, in [0, 1]."""
    prompts: int | None
    """Training prompts like this: `given` happened in at least one of their samples. None: not asked for."""

    @property
    def sentence(self) -> str:
        """In words.

        >>> story = Conditional(Event("rating"), Event("story", 1), 0.6, 0.25, 0.2, 0.54, 0.66, 0.9, 0.0, 812)
        >>> print(story.sentence)
        `rating` follows with 60 % if `story` comes next, 25 % otherwise (90 % interval 54–66 %; 812 training prompts \
like this)
        """
        if np.isnan(self.odds):
            return f"no chain listed has that {self.given}: what then follows could not be judged"
        told = f"{self.then} with {_percent(self.odds)} if {self.given}"
        told += "" if np.isnan(self.otherwise) else f", {_percent(self.otherwise)} otherwise"
        doubt = f"{_percent(self.level)} interval {_percent(self.low)[:-2]}–{_percent(self.high)}"
        if self.prompts is not None:
            doubt += f"; {self.prompts} training prompt{'' if self.prompts == 1 else 's'} like this"
        return f"{told} ({doubt})"


def conditional(
    forecast: Forecast,
    row: int,
    then: Event,
    given: Event,
    *,
    members: Sequence[Forecast] = (),
    training: Futures | None = None,
    level: float = 0.9,
) -> Conditional:
    """Of one row of a forecast that lists chains.

    `members`: forecasts of the same rows by the members of an `Ensemble`; without them the interval holds only the
    doubt about chains that are not listed. `training`: the futures it was fitted to, to count prompts like this.
    Raises `InputError` for themes or steps that are not forecast, a row that is not there, a forecast without chains.
    """
    _check(forecast, row, then, given)
    if not 0 < level < 1:
        raise InputError(f"level {level}; it lies between 0 and 1, e.g. 0.9")
    both, condition, consequence, rest = _masses(forecast, row, then, given)
    lows, highs = [], []
    for member in (forecast, *members):
        mine, ours, _, left = _masses(member, row, then, given)
        if ours + left > 0:
            lows.append(mine / (ours + left))
            highs.append((mine + left) / (ours + left))
    low, high = (float("nan"),) * 2
    if lows:
        low, high = np.quantile(lows, (1 - level) / 2), np.quantile(highs, (1 + level) / 2)
    listed = 1.0 - rest
    odds = both / condition if condition > 0 else float("nan")
    others = listed - condition
    return Conditional(
        then, given, odds, (consequence - both) / others if others > 1e-12 else float("nan"),
        condition / listed if listed > 0 else float("nan"), float(min(low, odds)), float(max(high, odds)), level, rest,
        None if training is None else prompts_like_this(training, given),
    )  # fmt: skip


def prompts_like_this(training: Futures, given: Event) -> int:
    """How many training prompts have the event in at least one of their samples.

    Raises `InputError` for a theme that the codebook lacks or a step beyond the horizon.
    """
    _known(training.themes, training.steps.shape[2], given)
    theme, end = training.themes.index(given.theme), training.themes.index(END)
    steps = training.steps if given.step is None else training.steps[:, :, given.step - 1 : given.step]
    assert UNKNOWN not in (theme, end)
    return int((steps == theme).any(axis=(1, 2)).sum())


def _masses(forecast: Forecast, row: int, then: Event, given: Event) -> tuple[float, float, float, float]:
    """P(both), P(given), P(then) of the listed chains, and the mass that is not listed."""
    probs = forecast.probs[row]
    has_given = np.array([given.of(chain) for chain in forecast.chains])
    has_then = np.array([then.of(chain) for chain in forecast.chains])
    rest = max(0.0, 1.0 - float(probs.sum()))
    rest = 0.0 if rest < 1e-9 else rest
    return float(probs[has_given & has_then].sum()), float(probs[has_given].sum()), float(probs[has_then].sum()), rest


def _check(forecast: Forecast, row: int, then: Event, given: Event) -> None:
    if not forecast.chains:
        raise InputError("this forecast lists no chains to read what follows off; forecast with chains")
    if not 0 <= row < len(forecast.probs):
        raise InputError(f"row {row}; the forecast has rows 0 to {len(forecast.probs) - 1}")
    for event in (then, given):
        _known(forecast.themes, forecast.steps.shape[1], event)


def _known(themes: tuple[str, ...], horizon: int, event: Event) -> None:
    if event.theme not in themes:
        raise InputError(f"no theme {event.theme!r}; there are {', '.join(themes)}")
    if event.step is not None and not 1 <= event.step <= horizon:
        raise InputError(f"step {event.step}; the forecast has steps 1 to {horizon}, or None for anywhere")


def _percent(odds: float) -> str:
    """Whole per cents, except close to none and to all.

    >>> [_percent(p) for p in (0.604, 0.004, 0.0, 0.998)]
    ['60 %', '0.4 %', '0 %', '99.8 %']
    """
    close = 0 < odds < 0.01 or 0.99 < odds < 1
    return f"{100 * odds:.1f} %" if close else f"{100 * odds:.0f} %"
