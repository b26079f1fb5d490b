"""The command line: every command calls the library and prints. Results to stdout, progress to stderr.

Exit codes: 0 done, 1 failed, 2 wrong input, 3 partial and resumable, 130 interrupted. Nothing heavy is imported until a
command needs it, so `--help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from forepath.apps.changing import add_to

if TYPE_CHECKING:
    from forepath.apps.progress import Report


class _Interruptible(TyperGroup):
    """Ctrl-C in any command: one line that says how to go on (`_working` knows), and exit code 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:  # left to itself, typer swallows it without a word
            print("forepath: interrupted" + "".join(f"; {told}" for told in stop.args), file=sys.stderr)
            raise typer.Exit(130) from stop


app = typer.Typer(
    name="forepath",
    cls=_Interruptible,
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

Unseen = Annotated[
    bool, typer.Option("--allow-unseen", help="Go on although a theme of the codebook follows test prompts only.")
]
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
    group: Annotated[
        str | None, typer.Option(help="Column whose equal values (author, thread) go to one side of every split.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting (above); repeat it.")
    ] = None,
    trust_remote_code: Trust = False,
    allow_unseen: Unseen = False,
) -> None:
    """Sample, label, fit and score: the whole pipeline into one run directory.

    Ctrl-C or a crash loses at most the part being written; `forepath resume` goes on.

    \b
    Settings of --set:
      temperature top_p top_k   how tokens are drawn (1, 1, no limit)
      stop=TEXT                 ends a text; with commas or line breaks as JSON: 'stop=["\\n\\n", ", then"]'
      horizon=3                 steps forecast
      sites=resid.2,resid.3     where activations are read; default: after every block
      normalise=standardise     or none, layernorm: of activations, before the head
      capture_dtype=float32     or bfloat16, float16: of the activations kept in the run
      device dtype chat revision max_rows prompts_per_item    of the model and its batches
      device_map=auto           instead of device: spreads a model that one device cannot hold
      embedder=tfidf            or sentence:PATH_OR_ID, subject, subject:SITE: what compares texts for themes
      labeller=endpoint         a language model names the themes, from the codebook only:
      endpoint=URL              an OpenAI-compatible address, such as http://localhost:8000/v1
      endpoint_model=NAME       its model; a key is read from FOREPATH_ENDPOINT_KEY and never stored
      world=documents           the prompts are of that world: adds its exact odds
    """
    from forepath.apps.pipeline import run as run_pipeline
    from forepath.apps.prompts import read_prompts
    from forepath.apps.settings import settings_of

    leave = {"trust_remote_code": trust_remote_code, "allow_unseen": allow_unseen}
    chosen = settings_of(settings or [], subject=subject, samples=samples, max_tokens=max_tokens, seed=seed,
                         codebook=str(codebook) if codebook else None, group=group,
                         **{name: True for name, given in leave.items() if given})  # fmt: skip
    read = read_prompts(prompts, column=column, template=template, limit=limit)
    with _working(f"what was committed is kept, `forepath resume {out}` goes on") as report:
        run_pipeline(chosen, read, out, report=report)
    _print_summary(out)


@app.command()
def resume(
    run: RunDir,
    trust_remote_code: Trust = False,
    allow_unseen: Unseen = False,
) -> None:
    """Go on with a run that was stopped; the result is the same as without the stop."""
    from forepath.apps.pipeline import resume as resume_pipeline

    with _working(f"what was committed is kept, `forepath resume {run}` goes on") as report:
        resume_pipeline(run, trust_remote_code=trust_remote_code, allow_unseen=allow_unseen, report=report)
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
def score(
    run: RunDir,
    json: AsJson = False,
    reliability: Annotated[Path | None, typer.Option(help="Write the reliability pictures here: one page.")] = None,
) -> None:
    """How good the forecast is on prompts never seen, beside every baseline."""
    from forepath.apps.results import dump_json
    from forepath.apps.runs import open_run

    table = open_run(run).scores()
    if reliability is not None:
        from forepath.apps.judging.reliability import write_reliability

        print(f"reliability: {write_reliability(run, reliability)}", file=sys.stderr)
    print(dump_json(table.to_json()) if json else table)


@app.command()
def judge(
    run: RunDir,
    json: AsJson = False,
    html: Annotated[Path | None, typer.Option(help="Write the report here: one page, nothing fetched.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the tables here as Markdown.")] = None,
    seeds: Annotated[int, typer.Option(help="Further fits of every forecaster, for the spread.")] = 5,
    by: Annotated[str | None, typer.Option(help="Column whose values are left out in turn.")] = None,
    paraphrases: Annotated[str, typer.Option(help="Column with another wording of the prompt.")] = "paraphrase",
    other: Annotated[str | None, typer.Option(help="The other model whose activations are a rival.")] = None,
    budget: Annotated[float, typer.Option(help="Minutes of new samples, for the shifts; 0 for none.")] = 5.0,
    allow_leaks: Annotated[bool, typer.Option("--allow-leaks", help="Judge a run whose test leaks.")] = False,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Spare the slow rows nothing; sweep everything.")
    ] = False,
    without: Annotated[
        list[str] | None, typer.Option(metavar="ROW", help="Leave this rival out (chain, lora, …); repeat it.")
    ] = None,
    trust_remote_code: Trust = False,
) -> None:
    """The table a sceptical reviewer would ask for: rivals, controls, tests, shifts, sweeps, calibration and cost.

    Looks for leaks first and refuses a run that has one. What is fitted and sampled is kept in the run: the same
    command goes on after Ctrl-C, and prints at once when all is there.
    """
    from forepath.apps.judging.case import Options
    from forepath.apps.judging.verdict import judge as judge_run
    from forepath.apps.results import dump_json

    options = Options(seeds, by, paraphrases, other, budget, allow_leaks, thorough, tuple(without or ()))
    with _working("what was fitted is kept, the same command goes on") as report:
        found = judge_run(run, options, trust_remote_code=trust_remote_code, report=report)
    for path, write in ((html, found.write_html), (markdown, found.write_markdown)):
        if path is not None:
            print(f"report: {write(path)}", file=sys.stderr)
    print(dump_json(found.to_json()) if json else found)


@app.command()
def show(
    run: RunDir,
    prompts: Annotated[int, typer.Option(min=1, help="How many prompts.")] = 3,
    samples: Annotated[int, typer.Option(min=1, help="How many continuations of each.")] = 3,
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

    with _working(f"what was committed is kept, `forepath demo --out {out}` goes on") as report:
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


@app.command()
def monitor(
    run: RunDir,
    samples: Annotated[int, typer.Option(help="Texts per prompt to learn from.")] = 4,
    every: Annotated[int, typer.Option(help="Tokens after which to read again within a sentence; 0 never.")] = 24,
    trust_remote_code: Trust = False,
) -> None:
    """Fit a run's monitor in the middle of texts, measure it beside its rivals, and calibrate its alarm."""
    from forepath.apps.monitoring import monitoring_text, write_monitor
    from forepath.apps.runs import open_run

    opened = open_run(run, trust_remote_code=trust_remote_code)
    with _working(f"`forepath monitor {run}` begins again") as report:
        write_monitor(opened, samples=samples, every=every, report=report)
    print(monitoring_text(opened))


@app.command()
def serve(
    run: RunDir,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8420,
    host: Annotated[str, typer.Option(help="Address to listen on; this machine only by default.")] = "127.0.0.1",
    upstream: Annotated[str | None, typer.Option(help="Stand in front of this server instead of the model.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="E.g. 'P(legal threat within 3) > 0.3 then pause'.")] = None,
    rules: Annotated[Path | None, typer.Option(help="A JSON list of rules.")] = None,
    rate: Annotated[float, typer.Option(help="False off-path alarms accepted, as a share of conversations.")] = 0.05,
    source: Annotated[str | None, typer.Option(help="mid-text, prompt ends or text only; default the best.")] = None,
    every: Annotated[int | None, typer.Option(help="Tokens after which to read again within a sentence.")] = None,
    webhook: Annotated[str | None, typer.Option(help="Where 'webhook' actions are sent; this machine only …")] = None,
    allow_host: Annotated[list[str] | None, typer.Option(help="… or a host allowed here by name.")] = None,
    streams: Annotated[int, typer.Option(help="Texts written at a time.")] = 64,
    monitored: Annotated[bool, typer.Option("--monitored/--unmonitored", help="Watch what is written.")] = True,
    hidden_states: Annotated[
        Path | None, typer.Option(help="Where the upstream, a vLLM with its hidden-state connector, leaves its files.")
    ] = None,
    trust_remote_code: Trust = False,
) -> None:
    """Serve the run's model to any OpenAI client, watched as it writes; prints a token once."""
    from forepath.errors import MissingExtraError

    try:
        from forepath.apps.proxy.start import Serving
        from forepath.apps.proxy.start import serve as serve_run
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "fastapi", "serve", "serving") from error
    serve_run(Serving(run, port, host, upstream, tuple(rule or ()), rules, rate, source, every,  # type: ignore[arg-type]
                      monitored, webhook, tuple(allow_host or ()), streams, trust_remote_code,
                      hidden_states))  # fmt: skip


@app.command("prompts")
def write_prompts(
    source: Annotated[str, typer.Argument(help="documents: of the known world; library: of its held-out books.")],
    number: Annotated[int, typer.Option("--number", "-n", "--n", help="How many.")] = 400,
    seed: Annotated[int, typer.Option(help="Decides every draw.")] = 0,
    data: Annotated[Path | None, typer.Option(help="The corpus of `library`.")] = None,
) -> None:
    """Print prompts for a bundled model as JSON lines, to be read by `forepath run --prompts FILE`.

    documents: beginnings of fresh documents, for --set world=documents. library: passages of books it was never trained
    on, with kind, author and title; --group title keeps each book on one side of every split.
    """
    from forepath.apps.results import dump_line
    from forepath.apps.sources import source_prompts

    for prompt in source_prompts(source, number, seed, data):
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

    with _working("the last state saved is kept, the same command goes on") as report:
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

    with _working("nothing was written") as report:
        written = write_card(folder, data=data, report=report)
    print(written)


@contextmanager
def _working(told: str) -> Iterator[Report]:
    """The progress of long work; `told` is what Ctrl-C then says."""
    from forepath.apps.progress import progress

    try:
        with progress() as report:
            yield report
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(told) from stop


add_to(app, _working)


def _print_summary(run: Path) -> None:
    from forepath.apps.demo import print_summary

    print_summary(run)


def main() -> None:
    """Run the command line; a `ForepathError` becomes one line on stderr and an exit code."""
    from forepath.apps.terminal import plain
    from forepath.errors import DiskFullError, ForepathError, InputError, LabellerError, RunIncompleteError

    try:
        app()
    except ForepathError as error:
        print(f"forepath: {plain(str(error))}", file=sys.stderr)
        resumable = isinstance(error, RunIncompleteError | DiskFullError | LabellerError)
        sys.exit(2 if isinstance(error, InputError) else 3 if resumable else 1)
    except OSError as error:
        from forepath.store.disk import FULL

        if error.errno not in FULL:
            raise
        print(f"forepath: no room to write ({error.strerror}); free some space and try again", file=sys.stderr)
        sys.exit(3)
