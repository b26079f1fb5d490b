"""Chains with their texts on a terminal, coloured by theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forepath.apps.colours import look_of
from forepath.apps.terminal import plain

if TYPE_CHECKING:
    from rich.text import Text

    from forepath.apps.runs import OpenRun
    from forepath.records import Trajectory


def draw_texts(run: OpenRun, *, prompts: int, samples: int) -> None:
    """Print the first `samples` continuations of the first `prompts` prompts, each theme in its colour."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    themes = run.themes
    console.print(Text.assemble(*((f" {plain(t)} ", f"{look_of(t, themes).terminal} reverse") for t in themes)))
    for group in run.trajectories(prompts=prompts, samples=samples):
        console.rule()
        console.print(Text(plain(group[0].prompt).rstrip(), style="bold"))
        for trajectory in group:
            console.print(Text("\n→ " + " → ".join(map(plain, trajectory.chain)), style="dim"))
            console.print(paint(trajectory, themes))


def paint(trajectory: Trajectory, themes: tuple[str, ...]) -> Text:
    """The text of a trajectory, each segment in the colour of its theme, control characters removed."""
    from rich.text import Text

    painted, at = Text(), 0
    for segment in trajectory.segments:
        painted.append(plain(trajectory.text[at : segment.start]))
        painted.append(
            plain(trajectory.text[segment.start : segment.stop]), style=look_of(segment.theme or "", themes).terminal
        )
        at = segment.stop
    return painted.append(plain(trajectory.text[at:]), style="dim")
