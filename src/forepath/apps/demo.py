"""The demo: prompts of the known world, the bundled model, the whole pipeline, a tree, a table and pictures."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from forepath.apps.pipeline import run as run_pipeline
from forepath.apps.progress import Report
from forepath.apps.results import ChainForecast
from forepath.apps.runs import OpenRun, open_run
from forepath.apps.settings import Settings
from forepath.apps.sources import world_prompts
from forepath.records import Policy


def demonstrate(out: Path, prompts: int, *, report: Report) -> None:
    """Run, then print the forecast of a prompt no fold has seen, the table, and where the pictures are."""
    settings = Settings("documents", samples=20, policy=Policy(max_tokens=128), seed=0, world="documents")
    run_pipeline(settings, world_prompts("documents", prompts, seed=1), out, report=report)
    opened = open_run(out)
    fresh = next(p for p in world_prompts("documents", 50, seed=2) if p.extra["kind"] == "recipe")
    forecast = opened.forecast(fresh.text)
    print(fresh.text.rstrip(), "\n")
    print(forecast, "\n")
    print_summary(out)
    print("\npictures:")
    for path in draw_pictures(opened, forecast):
        print(f"  {path}")
    forepath = "forepath" if shutil.which("forepath") else os.path.relpath(sys.argv[0])
    print(f'\nnext: {forepath} show {out} · {forepath} forecast {out} "your prompt" · {forepath} score {out} --json')


def draw_pictures(run: OpenRun, forecast: ChainForecast) -> list[Path]:
    """Write the forecast and the score table as pictures beside the run's data; their paths."""
    return [forecast.plot(run.path / "forecast.svg"), run.scores().plot(run.path / "scores.png")]


def print_summary(out: Path) -> None:
    """The themes with a quotation each, the checks of the codebook, then the score table."""
    opened = open_run(out)
    print(opened.codebook_text(), "\n")
    print(opened.audit_text(), "\n")
    print(opened.scores())
