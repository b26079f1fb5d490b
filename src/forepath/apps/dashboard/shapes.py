"""What the API says, as types: the page's TypeScript is generated from these. NaN travels as null, never as a number.

Themes are named by their index into the run's list, so a name is sent once and its colour belongs to its place.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

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
    assurance: Literal["none", "fitting", "ready"] = "none"
    """Whether the next five can be said; "fitting": ask again."""
    low: list[list[float]] | None = None
    high: list[list[float]] | None = None
    """95 % interval of `steps`: what another draw of as many training prompts would have made of them."""
    sets: list[list[int]] | None = None
    """By step, the themes that hold what is written `coverage` of the time, likeliest first."""
    coverage: float = 0.9
    unlike: float | None = None
    """Share of the training prompts kept aside that are more like the others than this prompt is; from 0.99 strange."""
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


class TextRow(Shape):
    """One text in a list."""

    id: str
    prompt_id: str
    title: str
    """First line of its prompt."""
    snippet: str
    fold: str
    finished: bool
    length: int
    """Tokens."""
    chain: list[int]
    """Themes in order, with the overlay's changes if there is one."""
    changed: bool
    """Whether the overlay changes the chain."""


class TextsPage(Shape):
    """Some texts of a run."""

    total: int
    offset: int
    texts: list[TextRow]


class Piece(Shape):
    """A stretch of a text, or what lies between two."""

    text: str
    segment: int | None
    """Its place among the text's segments; null between two."""
    own: int | None
    """The run's label; null if it has none."""
    theme: int | None
    """With the overlay."""


class TextShape(Shape):
    """One whole text."""

    id: str
    prompt_id: str
    prompt: str
    fold: str
    finished: bool
    length: int
    seed: str
    chain: list[int]
    pieces: list[Piece]
    """The whole text, in order. In pieces, because browsers count characters otherwise than we do."""


class OverlayShape(Shape):
    """Second thoughts about a run's labels: see `forepath.themes.overlays`."""

    revision: int = 0
    merged: dict[str, str] = {}
    renamed: dict[str, str] = {}
    relabelled: dict[str, str] = {}


class ThemeCount(Shape):
    """How often a theme was written."""

    theme: int
    before: int
    """Segments with the run's own labels."""
    after: int
    """With the overlay."""
    texts: int
    """Texts in which it occurs, with the overlay."""
    first: float
    """Share of the texts that begin with it, with the overlay."""


class Changes(Shape):
    """What an overlay changes."""

    overlay: OverlayShape
    texts: int
    segments: int
    changed_texts: int
    """Texts whose chain differs."""
    changed_segments: int
    chains_before: int
    """Different chains."""
    chains_after: int
    themes: list[ThemeCount]


class Rescore(Shape):
    """The forecast of the next theme, judged on the test prompts before and with the overlay. Null: no forecaster."""

    before: float
    before_low: float
    before_high: float
    after: float
    after_low: float
    after_high: float
    base_before: float
    base_after: float
    prompts: int


class ScoreRow(Shape):
    """One forecaster at one step. Null: could not judge; "inf": more than can be measured."""

    forecaster: str
    step: int
    cross_entropy: float | Literal["inf"] | None
    low: float | None
    high: float | None
    brier: float | None
    explained: float | None
    ece: float | None
    k_raw: float | Literal["inf"] | None
    k_star: float | Literal["inf"] | None
    n_prompts: int


class SiteLoss(Shape):
    """How well a forecaster read from one site, on the validation prompts."""

    site: str
    loss: float | None
    """Mean over the steps, nats."""
    steps: list[float | None]
    """By step; empty if the run did not keep them."""


class CostShape(Shape):
    """What a forecast costs beside what it replaces."""

    prefill_seconds: float
    forecast_seconds: float
    sample_seconds: float


class Judgement(Shape):
    """How good the run's forecast is."""

    rows: list[ScoreRow]
    notes: list[str]
    chosen: str | None
    sites: list[SiteLoss]
    base: list[float | None]
    """By step, cross-entropy of the base rate on the test prompts."""
    costs: CostShape | None


class Bin(Shape):
    """A point of a reliability curve."""

    forecast: float
    observed: float
    error: float | None
    """Standard error of the difference."""
    prompts: int


class ReliabilityShape(Shape):
    """Whether 30 % happens 30 % of the time."""

    step: int
    theme: int | None
    """Null: of each prompt, the theme that is likeliest for it."""
    bins: list[Bin]
    prompts: int


class Begin(Shape):
    """What to write and watch."""

    run: Annotated[str, StringConstraints(max_length=100)]
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    tokens: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Most tokens; null: as many as the run's texts have."""
    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    pace: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Tokens a second, for a person to follow; 0: as fast as it goes."""
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """False off-path alarms that are accepted, per conversation."""
    rules: Annotated[list[Annotated[str, StringConstraints(max_length=300)]], Field(max_length=20)] = []
    """Such as "P(legal threat within 3) > 0.3 then pause"."""


class BranchAt(Shape):
    """Where to branch off a text."""

    at: Annotated[int, Field(ge=0, le=10**7)] | None = None
    """Characters of the text that are kept; null: all that is written."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None


class Happened(Shape):
    """One thing that happened in a conversation: a piece of text, a finished sentence, a forecast held against what
    came, a reading, an alarm …"""

    i: int
    """Counted from 0."""
    kind: Literal["piece", "heard", "settled", "reading", "alarm", "state", "log"]
    data: dict[str, Any]


class RivalShape(Shape):
    """What live forecasts are held against, and their skill over it with its 95 % interval. Null: too few to say."""

    name: str
    cross_entropy: float | None
    skill: float | None
    low: float | None
    high: float | None


class LedgerShape(Shape):
    """How good the live forecasts of a run have been, all conversations together."""

    source: str
    """What the forecasts were made from."""
    texts: int
    forecasts: int
    needed: int
    """Texts from which on something is said of skill."""
    cross_entropy: float | None
    rivals: list[RivalShape]
    bins: list[Bin]
    """Reliability of the likeliest theme; `prompts` counts forecasts."""


class SessionRow(Shape):
    """One conversation in a list."""

    id: str
    run: str
    prompt: str
    seed: int
    state: Literal["running", "paused", "over", "stopped", "interrupted", "failed"]
    why: str
    """Of a state that needs a reason."""
    began: float
    """Seconds since 1970."""
    parent: str | None
    """The conversation it was branched off."""
    source: str
    """What the monitor reads."""
    rules: list[str]


class SessionShape(SessionRow):
    """One conversation, from the beginning."""

    events: list[Happened]
