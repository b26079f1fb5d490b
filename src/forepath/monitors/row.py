"""One row of a stream being followed: steps go in, readings come out.

Most tokens finish no sentence, and nothing is said of them. They wait, unfed, until a reading may be due: at the token
after one that may end a sentence (white space between them aside), or after so many tokens where the monitor reads
every so many. (What one adds may be asked for meanwhile.) What the model's step has pushed out of the processor's
caches is then fetched once a sentence and not once a token. What is said, and when, is what it would be without
waiting. Where a token's text hangs on its neighbours (`Spelling.alone`), it may end a sentence for all one knows, and
one more token is all that it waits for.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from forepath.monitors.follower import Follower
from forepath.monitors.readings import Alarm, Reading
from forepath.monitors.tokens import Tokens
from forepath.records import Step
from forepath.subjects.spelling import Spelling

LONGEST_WAIT = 256
"""Tokens that wait at most."""


class Row:
    """A follower of the text that row `number` of a stream writes. For the one thread that reads the stream."""

    __slots__ = ("_blank", "_ends", "_most", "_number", "_patience", "_quiet", "_site", "_spelling", "_texts",
                 "_waiting", "alarms", "ended", "follower", "over")  # fmt: skip

    def __init__(
        self,
        follower: Follower,
        spelling: Spelling,
        *,
        number: int,
        site: str | None,
        ends: frozenset[int],
        most: int,
        tokens: Tokens,
    ) -> None:
        """`site` read for the forecasts, if any. `ends`: tokens that end a text. `most`: tokens at which it is cut off.
        `tokens`: the subject's; without `texts` none is known to be quiet.
        """
        self.follower = follower
        self.alarms: list[tuple[str | None, Alarm]] = []
        """Raised or over so far, each with the theme that had been heard last."""
        self.over = False
        """Whether the text is finished; what comes is not read."""
        self.ended = False
        """Whether it ended by itself."""
        self._spelling, self._number, self._site = spelling, number, site
        self._ends, self._most = ends, most
        self._texts, self._quiet = tokens.texts, tokens.quiet
        self._blank = frozenset() if follower.every else tokens.blank
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
        if count < self._patience:
            if token not in self._quiet:  # it may end a sentence, which is heard when something follows
                self._patience = count + 1
        elif token in self._blank and not ended and 1 < count < LONGEST_WAIT and waiting[-2] in self._texts:
            self._patience = count + 1  # nothing follows yet
        else:
            reading = self._catch_up(step)
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
            text = self._texts.get(self._waiting[later])  # what waits before another spells whole characters
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
        texts = map(self._texts.get, before) if self._spelling.whole else ()
        pieces = [text for text in texts if text is not None]
        if len(pieces) < len(before):
            pieces = [self._spelling.add(token) for token in before]
        seen = None if step is None or self._site is None else partial(self._read, step)
        reading = self.follower.feed(self._spelling.add(last), seen, before=pieces)
        self._patience = self.follower.patience or LONGEST_WAIT
        return reading

    def _read(self, step: Step) -> np.ndarray:
        """(width,) what was read where the row's token was drawn; asked for at few tokens."""
        assert self._site is not None
        values: np.ndarray = step.activations[self._site][self._number]
        return values
