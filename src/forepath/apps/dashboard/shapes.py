"""What the API says, as types: the page's TypeScript is generated from these. NaN travels as null, never as a number.

Themes are named by their index into the run's list, so a name is sent once and its colour belongs to its place.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, StringConstraints(max_length=100_000)]


class Shape(BaseModel):
    """A frozen shape that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Shape):
    """Why a request was not answered."""

    error: str
    """What was given, what was wanted, what to do."""
    kind: str


class Visit(Shape):
    """The token that `forepath dash` printed."""

    token: Annotated[str, StringConstraints(max_length=200)]


class ThemeShape(Shape):
    """One theme of a run's codebook; `other` and `end` come last."""

    name: str
    colour: str
    """On white; belongs to the theme's place in the codebook."""
    dark: str
    """The same hue, for a dark ground."""
    texture: int
    """0 is none; tells apart themes whose colour has come round again (`colours.HATCHES`)."""
    description: str
    share: float | None
    """Share of the segments it was discovered on; null if a user wrote it."""


class RunShape(Shape):
    """What a run is about: enough to draw any screen's frame."""

    id: str
    name: str
    created: str
    subject: str
    fingerprint: str
    themes: list[ThemeShape]
    """Empty until the run has a codebook."""
    codebook: str | None
    horizon: int
    samples: int
    prompts: int
    policy: str
    site: str | None
    """Where the forecaster reads; null until it is fitted."""
    model: Literal["cold", "warming", "ready", "failed"]
    model_error: str


class PromptShape(Shape):
    """A prompt of the run."""

    id: str
    text: str
    fold: str
    """ "train", "validation" or "test": only on the last two is a forecast not of what it was fitted to."""


class PromptsPage(Shape):
    """Some prompts of a run."""

    total: int
    prompts: list[PromptShape]


class Ask(Shape):
    """What to forecast."""

    prompt: Text
    least: Annotated[float, Field(gt=0, le=0.5)] = 0.02
    """Branches less likely than this go into "something else"."""
    overlay: bool = False
    """With the run's merges applied."""


class Branch(Shape):
    """One theme at one place of the tree of chains."""

    theme: int
    probability: float
    children: list[Branch]
    rest: float
    """Probability of this node that no child shows."""


class ChainShape(Shape):
    """One whole chain."""

    themes: list[int]
    probability: float


class Written(Shape):
    """What the samples of a prompt of the run went on to write."""

    fold: str
    steps: list[list[float | None]]
    """(horizon, themes) shares among the samples seen at that step; null where none was."""
    seen: list[int]
    """(horizon,) how many samples were seen at each step."""


class ForecastShape(Shape):
    """The odds of what follows a prompt."""

    run: str
    prompt: str
    source: str
    """Which forecaster, e.g. "linear@resid.3"."""
    steps: list[list[float]]
    """(horizon, themes): P(theme at step h); each row sums to 1."""
    low: list[list[float]] | None = None
    high: list[list[float]] | None = None
    """95 % interval of `steps`, where the forecaster gives one."""
    base: list[list[float]]
    """(horizon, themes) base rates of the run's training prompts."""
    tree: list[Branch]
    rest: float
    chains: list[ChainShape]
    written: Written | None
    """Only for a prompt of the run."""
    notes: list[str]
    """What a reader must know, e.g. that the prompt is one it was fitted on."""
    milliseconds: float


class Example(Shape):
    """A text of a theme."""

    text: str
    trajectory: str | None
    """Null if it is a quotation of the codebook."""


class Examples(Shape):
    """Texts of one theme."""

    theme: int
    examples: list[Example]


class Stage(Shape):
    """How far one stage of a run is."""

    name: str
    done: int
    total: int


class RunRow(Shape):
    """One run in the list."""

    id: str
    name: str
    state: Literal["running", "finished", "stopped", "unreadable"]
    problem: str = ""
    """Why it cannot be read."""
    writer: int | None = None
    """Process that is writing it."""
    created: str = ""
    subject: str = ""
    samples: int = 0
    stages: list[Stage] = []
    command: str | None = None
    """What goes on with a run that is not finished."""
    cross_entropy: float | None = None
    """Nats of the forecast of the next theme, on prompts never seen."""
    low: float | None = None
    high: float | None = None
    base_cross_entropy: float | None = None
    """Of the base rate, in the same run."""
    explained: float | None = None
