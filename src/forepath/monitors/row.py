"""One row of a stream being followed: steps go in, readings come out.

Most tokens finish no sentence, and nothing is said of them. They wait, unfed, until a reading may be due: at the token
after one that may end a sentence, or after so many tokens where the monitor reads every so many. (What one adds may be
asked for meanwhile.) What the model's step has pushed out of the processor's caches is then fetched once a sentence and
not once a token. What is said, and when, is what it would be without waiting. Where a token's text hangs on its
neighbours (`Spelling.alone`), it may end a sentence for all one knows, and one more token is all that it waits for.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from forepath.monitors.follower import Follower
from forepath.monitors.listening import MARKS
from forepath.monitors.readings import Alarm, Reading
from forepath.records import Step
from forepath.subjects.spelling import Spelling

LONGEST_WAIT = 256
"""Tokens that wait at most."""


class Row:
    """A follower of the text that row `number` of a stream writes. For the one thread that reads the stream."""

    __slots__ = ("_ends", "_most", "_number", "_patience", "_quiet", "_site", "_spelling", "_waiting",
                 "alarms", "ended", "follower", "over")  # fmt: skip

    def __init__(
        self,
        follower: Follower,
        spelling: Spelling,
        *,
        number: int,
        site: str | None,
        ends: frozenset[int],
        most: int,
        quiet: dict[int, str],
    ) -> None:
        """`site` read for the forecasts, if any. `ends`: tokens that end a text. `most`: tokens at which it is cut off.
        `quiet`: what tokens spell that hold no mark; shared by the rows of one subject, it grows as they are met.
        """
        self.follower = follower
        self.alarms: list[tuple[str | None, Alarm]] = []
        """Raised or over so far, each with the theme that had been heard last."""
        self.over = False
        """Whether the text is finished; what comes is not read."""
        self.ended = False
        """Whether it ended by itself."""
        self._spelling, self._number, self._site = spelling, number, site
        self._ends, self._most, self._quiet = ends, most, quiet
        self._waiting: list[int] = []
        self._patience = follower.patience or LONGEST_WAIT

    def take(self, step: Step) -> Reading | None:
        """What is new with this step."""
        token = step.tokens[self._number]
        if token is None or self.over:
            return None
        ended = step.ended[self._number]
        waiting = self._waiting
        if token in self._quiet and len(waiting) + 1 < self._patience and not ended:  # most tokens
            waiting.append(token)
            return None
        if token in self._ends:
            return self._finish(step, ended=True)
        reading = None
        waiting.append(token)
        count = len(waiting)
        if count >= self._patience:
            reading = self._catch_up(step)
        elif token not in self._quiet and self._may_end(token):  # a sentence, which is heard when something follows
            self._patience = count + 1
        if reading is not None and reading.alarms:
            self.alarms += [(reading.theme, alarm) for alarm in reading.alarms]
        if ended:
            written = self.follower.tokens + len(self._waiting)
            return self._finish(None, ended=written < self._most, before=reading)
        return reading

    def piece(self, number: int) -> str:
        """The text that token `number` added, counted from 0; "" if there is none."""
        later = number - self.follower.tokens
        if 0 <= later < len(self._waiting) and self._spelling.whole:
            text = self._quiet.get(self._waiting[later])  # what waits before another is quiet, too
            if text is not None:
                return text
        self._catch_up(None)
        ends = self.follower.ends
        return self.follower.text[ends[number - 1] if number else 0 : ends[number]] if number < len(ends) else ""

    def _finish(self, step: Step | None, *, ended: bool, before: Reading | None = None) -> Reading:
        self._catch_up(None)
        self.over, self.ended = True, ended
        seen = None if step is None or self._site is None else self._read(step)
        reading = self.follower.finish(seen, ended=ended, before=before)
        known = 0 if before is None else len(before.alarms)
        self.alarms += [(reading.theme, alarm) for alarm in reading.alarms[known:]]
        return reading

    def _catch_up(self, step: Step | None) -> Reading | None:
        """Feed the tokens that wait, the last with what was read at `step`."""
        if not self._waiting:
            return None
        *before, last = self._waiting
        self._waiting = []
        known = self._spelling.whole and all(map(self._quiet.__contains__, before))
        pieces = [self._quiet[token] if known else self._spelling.add(token) for token in before]
        seen = None if step is None or self._site is None else partial(self._read, step)
        reading = self.follower.feed(self._spelling.add(last), seen, before=pieces)
        self._patience = self.follower.patience or LONGEST_WAIT
        return reading

    def _may_end(self, token: int) -> bool:
        """Whether a token that is not known to be quiet may hold a mark."""
        alone = self._spelling.alone(token)
        if alone is None or not MARKS.isdisjoint(alone):
            return True
        self._quiet[token] = alone
        return False

    def _read(self, step: Step) -> np.ndarray:
        """(width,) what was read where the row's token was drawn; asked for at few tokens."""
        assert self._site is not None
        values: np.ndarray = step.activations[self._site][self._number]
        return values
