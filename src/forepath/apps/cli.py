"""The command line: every command calls the library and prints. Results to stdout, progress to stderr.

Exit codes: 0 done, 1 failed, 2 wrong input, 3 partial and resumable, 130 interrupted. Nothing heavy is imported until a
command needs it, so `--help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="forepath",
    help="Where is this language model going, before it goes there?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
organisms = typer.Typer(help="The bundled models: list, train again, measure.", no_args_is_help=True)
app.add_typer(organisms, name="organisms", rich_help_panel=None)

RunDir = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

Trust = Annotated[bool, typer.Option("--trust-remote-code", help="Let the model run code of its own.")]


@app.command()
def run(
    subject: Annotated[str, typer.Option(help="Bundled name, local directory or hub id of a causal language model.")],
    prompts: Annotated[str, typer.Option(help="Prompts: .txt, .csv, .jsonl, .json, .parquet, or - for stdin.")],
    out: Annotated[Path, typer.Option(help="The run directory to write.")],
    samples: Annotated[int, typer.Option(help="Continuations per prompt.")] = 32,
    max_tokens: Annotated[int, typer.Option(help="Most tokens per continuation.")] = 128,
    codebook: Annotated[Path | None, typer.Option(help="Themes to use (JSON); otherwise they are discovered.")] = None,
    limit: Annotated[int | None, typer.Option(help="Use only the first N prompts.")] = None,
    seed: Annotated[int, typer.Option(help="Decides every draw.")] = 0,
    column: Annotated[str | None, typer.Option(help="Column or key that holds the prompt.")] = None,
    template: Annotated[str | None, typer.Option(help="Text with {prompt} or {any_column} in it.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, e.g. temperature=0.7.")
    ] = None,
) -> None:
    """Sample, label, fit and score: the whole pipeline into one run directory."""
    from forepath.apps.pipeline import run as run_pipeline
    from forepath.apps.prompts import read_prompts
    from forepath.apps.settings import settings_of

    chosen = settings_of(settings or [], subject=subject, samples=samples, max_tokens=max_tokens, seed=seed,
                         codebook=str(codebook) if codebook else None)  # fmt: skip
    read = read_prompts(prompts, column=column, template=template, limit=limit)
    with _progress() as report:
        run_pipeline(chosen, read, out, report=report)
    _print_summary(out)


@app.command()
def resume(run: RunDir, trust_remote_code: Trust = False) -> None:
    """Go on with a run that was stopped; the result is the same as without the stop."""
    from forepath.apps.pipeline import resume as resume_pipeline

    with _progress() as report:
        resume_pipeline(run, trust_remote_code=trust_remote_code, report=report)
    _print_summary(run)


@app.command()
def forecast(
    run: RunDir,
    prompt: Annotated[str, typer.Argument(help="The prompt; - reads stdin.")],
    json: AsJson = False,
    picture: Annotated[Path | None, typer.Option(help="Write an SVG picture here.")] = None,
    trust_remote_code: Trust = False,
) -> None:
    """The likely chains of themes after a prompt, from its activations alone. Nothing is sampled."""
    from forepath.apps.results import dump_json
    from forepath.apps.runs import open_run

    result = open_run(run, trust_remote_code=trust_remote_code).forecast(sys.stdin.read() if prompt == "-" else prompt)
    if picture is not None:
        print(f"picture: {result.plot(picture)}", file=sys.stderr)
    print(dump_json(result.to_json()) if json else result)


@app.command()
def score(run: RunDir, json: AsJson = False) -> None:
    """How good the forecast is on prompts never seen, beside every baseline."""
    from forepath.apps.results import dump_json
    from forepath.apps.runs import open_run

    table = open_run(run).scores()
    print(dump_json(table.to_json()) if json else table)


@app.command()
def show(
    run: RunDir,
    prompts: Annotated[int, typer.Option(help="How many prompts.")] = 3,
    samples: Annotated[int, typer.Option(help="How many continuations of each.")] = 3,
) -> None:
    """Chains with their texts, coloured by theme."""
    from forepath.apps.runs import open_run
    from forepath.apps.texts import draw_texts

    draw_texts(open_run(run), prompts=prompts, samples=samples)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the demo's run goes.")] = Path("runs/demo"),
    prompts: Annotated[int, typer.Option(help="How many prompts.")] = 400,
) -> None:
    """The main job on the bundled model: real prompts, chains, a forecast and the honest table."""
    from forepath.apps.demo import demonstrate

    with _progress() as report:
        demonstrate(out, prompts, report=report)


@app.command()
def dash(
    runs: Annotated[Path, typer.Argument(metavar="RUN|DIR", help="A run, or the directory of runs.")] = Path("runs"),
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8765,
    host: Annotated[
        str, typer.Option(help="The address to bind to; this machine only, unless you say so.")
    ] = "127.0.0.1",
    name: Annotated[list[str] | None, typer.Option(help="A further name browsers may call this server by.")] = None,
) -> None:
    """See it in a browser: forecasts, texts, runs, scores, live writing. Prints its token once."""
    try:
        from forepath.apps.dashboard.server import serve
    except ModuleNotFoundError as error:
        from forepath.errors import MissingExtraError

        raise MissingExtraError(error.name or "fastapi", "serve", "the dashboard") from error
    serve(runs, port=port, host=host, names=name or [])


@app.command("prompts")
def write_prompts(
    world: Annotated[str, typer.Argument(help="The known world: documents.")],
    number: Annotated[int, typer.Option("--number", "-n", help="How many.")] = 400,
    seed: Annotated[int, typer.Option(help="Decides every draw.")] = 0,
) -> None:
    """Print prompts of a known world as JSON lines, for `forepath run --prompts - --set world=documents`."""
    from forepath.apps.demo import world_prompts
    from forepath.apps.results import dump_line

    for prompt in world_prompts(world, number, seed):
        print(dump_line({"prompt": prompt.text, **prompt.extra}))


@app.command()
def verify(run: RunDir) -> None:
    """Check every file of a run against the hash in its commit record."""
    from forepath.store import Run

    Run.open(run).verify()
    print(f"{run}: every committed file matches its hash")


@organisms.command("list")
def list_organisms() -> None:
    """The bundled models and where they are."""
    from forepath.organisms import bundled

    for name in bundled.names():
        print(f"{name}\t{bundled.path(name)}")


@organisms.command()
def train(
    name: Annotated[str, typer.Argument(help="documents or library.")],
    out: Annotated[Path | None, typer.Option(help="Where the training goes; default organisms/NAME.")] = None,
    data: Annotated[Path | None, typer.Option(help="The corpus of `library`.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 …")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides weights and data; default the recipe's.")] = None,
) -> None:
    """Train a bundled model again; a killed training goes on where it stopped."""
    from forepath.organisms.workshop import train_organism

    with _progress() as report:
        told = lambda p: report(f"train {name}", p.step, p.steps, f"loss {p.loss:.3f}")  # noqa: E731
        folder = train_organism(name, out or Path("organisms") / name, data=data, device=device, seed=seed, report=told)
    print(folder)


@organisms.command()
def card(
    folder: Annotated[Path, typer.Argument(help="The directory of a trained model, e.g. organisms/documents/model.")],
    data: Annotated[Path | None, typer.Option(help="The corpus of `library`.")] = None,
) -> None:
    """Measure a trained model again and write its card: loss against the limit, rivals, limits."""
    from forepath.organisms.cards import write_card

    with _progress() as report:
        written = write_card(folder, data=data, report=report)
    print(written)


def _progress() -> Any:
    from forepath.apps.progress import progress

    return progress()


def _print_summary(run: Path) -> None:
    from forepath.apps.demo import print_summary

    print_summary(run)


def main() -> None:
    """Run the command line; a `ForepathError` becomes one line on stderr and an exit code."""
    from forepath.apps.terminal import plain
    from forepath.errors import DiskFullError, ForepathError, InputError, RunIncompleteError

    try:
        app()
    except ForepathError as error:
        print(f"forepath: {plain(str(error))}", file=sys.stderr)
        sys.exit(
            2 if isinstance(error, InputError) else 3 if isinstance(error, RunIncompleteError | DiskFullError) else 1
        )
    except KeyboardInterrupt:
        print("forepath: interrupted; what was committed is kept, `forepath resume RUN` goes on", file=sys.stderr)
        sys.exit(130)
