"""The commands about changes: intervene, compare, decide, sweep. As thin as `cli`, which they join by `add_to`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from forepath.apps.progress import Report
    from forepath.records import Intervention

RunDir = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]
Trust = Annotated[bool, typer.Option("--trust-remote-code", help="Let the model run code of its own.")]
Working = Callable[[str], AbstractContextManager["Report"]]
"""Opens a progress display; its text is what Ctrl-C then says."""
_TOLD: dict[str, Any] = {}


def add_to(app: typer.Typer, working: Working) -> None:
    """Add the commands."""
    _TOLD["working"] = working
    for command in (intervene, compare, decide, sweep):
        app.command()(command)


def intervene(
    run: RunDir,
    out: Annotated[Path, typer.Option(help="The run directory to write.")],
    ablate: Annotated[
        list[str] | None, typer.Option(help="head:3.5, neuron:3.17, mlp:3, attn:3, layer:3; repeat it.")
    ] = None,
    how: Annotated[str, typer.Option(help="Put there zero, the mean, or a resample of --texts.")] = "zero",
    texts: Annotated[Path | None, typer.Option(help="Reference texts, one a line; default from the run.")] = None,
    add: Annotated[str | None, typer.Option(metavar="SITE", help="Steer at this site, e.g. resid.2 …")] = None,
    toward: Annotated[Path | None, typer.Option(help="… towards these texts (one a line) …")] = None,
    away: Annotated[Path | None, typer.Option(help="… and away from these …")] = None,
    strength: Annotated[float, typer.Option(help="… by so many times their difference.")] = 1.0,
    weights: Annotated[Path | None, typer.Option(help="Write with this checkpoint's weights.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="Add this LoRA adapter.")] = None,
    bits: Annotated[int | None, typer.Option(help="Round the blocks' weights to so many bits.")] = None,
    prefix: Annotated[str, typer.Option(help="Write this before every prompt.")] = "",
    suffix: Annotated[str, typer.Option(help="Write this after every prompt.")] = "",
    system: Annotated[str | None, typer.Option(help="A system turn, for chat models.")] = None,
    change: Annotated[
        list[str] | None, typer.Option(metavar="WORDS", help="Any change, in words (above); repeat it.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="An intervention as JSON: kind, site, params.")] = None,
    trust_remote_code: Trust = False,
) -> None:
    """Sample a run's prompts and seeds again with the model changed, read by the same codebook.

    Several changes are made together, in the order below. `forepath compare RUN OUT` says what they changed.


    \b
    In words (--change), with the arguments of forepath.subjects.interventions.making; @ reads a file:
      ablate resid.3 how=mean along=@sae.safetensors:W_dec:17,23    a direction, features of a dictionary
      actadd resid.2 positive='Once upon a time' coefficient=4      negative is a space unless given
      add resid.3 toward=@verse.txt away=@prose.txt coefficient=2   or vector=@dirs.safetensors:verse
      clamp resid.3 vector=@dirs.safetensors:verse value=2
      project_out resid.3 vectors=@dirs.safetensors:verse           sparsify hidden:3 keep=0.1
      patch resid.2 source='Dear Sir' positions=-1                  where: the prompt's last position
      edit mlp:3 keys=@subjects.txt background=@texts.txt target=' wool'
      swap directory=DIR      adapter directory=DIR scale=0.5       quantise bits=4 group=32
      prompt prefix='Dear'    policy temperature=0.5 top_p=0.9
    """
    from forepath.apps.intervening import intervene as intervene_run
    from forepath.apps.intervening import named, reference_texts, touched_text
    from forepath.apps.phrases import read_lines, read_phrase
    from forepath.apps.runs import open_run
    from forepath.errors import InputError
    from forepath.subjects.interventions import making

    base = open_run(run, trust_remote_code=trust_remote_code)
    parts: list[Intervention] = []
    if ablate:
        reference = [] if how == "zero" else read_lines(texts) if texts else reference_texts(base)
        parts += [making.ablate(site, how, texts=reference) for site in ablate]
    if add or toward or away:
        if not (add and toward and away):
            raise InputError("steering needs --add SITE, --toward FILE and --away FILE")
        told = making.contrast(read_lines(toward), read_lines(away), read="mean")
        parts.append(making.add(add, told, coefficient=strength))
    parts += [making.swap(weights)] if weights else []
    parts += [making.adapter(adapter)] if adapter else []
    parts += [making.quantise(bits)] if bits is not None else []
    parts += [making.prompted(prefix, suffix, system=system)] if prefix or suffix or system else []
    parts += [read_phrase(words, lambda: reference_texts(base)) for words in change or ()]
    parts += [_read(file)] if file else []
    whole = named(parts)
    with _TOLD["working"]("what was committed is kept, the same command goes on") as report:
        store = intervene_run(base, whole, out, report=report)
    print(f"{making.describe(whole)}\n{touched_text(store)}".rstrip(), file=sys.stderr)
    print(out)


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Before.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="After, of the same prompts.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as one page here.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the shifts here (PNG or SVG).")] = None,
    target: Annotated[list[str] | None, typer.Option(help="A theme that was meant to move; repeat it.")] = None,
    by: Annotated[str | None, typer.Option(help="Column of the prompts: look in each of its groups too.")] = None,
    margin: Annotated[float, typer.Option(help="A share that shifts by less has stayed.")] = 0.05,
    rate: Annotated[float, typer.Option(help="False discoveries accepted among what is said to move.")] = 0.05,
    fluency: Annotated[bool, typer.Option(help="Read all texts with RUN_A's model.")] = True,
    foretold: Annotated[bool, typer.Option("--foretold", help="Add what RUN_A's forecaster foretells.")] = False,
    trust_remote_code: Trust = False,
) -> None:
    """What moved from one run to another, by how much, how surely, and what did not move."""
    from forepath.apps.comparing import change_of, compare_runs
    from forepath.apps.results import dump_json
    from forepath.apps.runs import open_run
    from forepath.effects.comparing import Rules

    sides = [open_run(path, trust_remote_code=trust_remote_code) for path in (run_a, run_b)]
    with _TOLD["working"]("nothing was written") as report:
        found = compare_runs(*sides, targets=target or (), by=by, fluency=fluency,
                             rules=Rules(rate=rate, margin=margin), report=report)  # fmt: skip
    title = f"{run_a.name} → {run_b.name}: {change_of(sides[1])}"
    if html is not None:
        print(f"page: {found.write_html(html, title)}", file=sys.stderr)
    if picture is not None:
        print(f"picture: {found.plot(picture)}", file=sys.stderr)
    print(dump_json(found.to_json()) if json else found.markdown(title))
    if foretold and not json:
        from forepath.apps.foretelling import foretell

        print(foretell(*sides))


def decide(
    run: RunDir,
    ablate: Annotated[list[str] | None, typer.Option(help="head:3.5, mlp:3 … set to zero; repeat it.")] = None,
    change: Annotated[
        list[str] | None, typer.Option(metavar="WORDS", help="Any change, in words as of `intervene`; repeat it.")
    ] = None,
    learn: Annotated[
        list[Path] | None,
        typer.Option(metavar="OTHER", help="A run of another change, made by `intervene`; repeat it."),
    ] = None,
    margin: Annotated[float, typer.Option(help="A share that shifts by less has stayed.")] = 0.05,
    rate: Annotated[float, typer.Option(help="False discoveries accepted among what is said.")] = 0.05,
    step: Annotated[int, typer.Option(help="Which step ahead; 1 is the next theme.")] = 1,
    most: Annotated[int | None, typer.Option(help="Prompts at most; default all of the run.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    trust_remote_code: Trust = False,
) -> None:
    """Which themes a change moves and which stay, with as few texts as it takes: prompt after prompt, until decided.

    With three or more runs of other changes (--learn) the forecaster decides what it is sure of, and only the rest is
    sampled for; its error is measured on those, and it is checked on the first texts of this change.
    """
    from forepath.apps.deciding import decide_change
    from forepath.apps.intervening import named, reference_texts
    from forepath.apps.phrases import read_phrase
    from forepath.apps.results import dump_json
    from forepath.apps.runs import open_run
    from forepath.subjects.interventions import making

    base = open_run(run, trust_remote_code=trust_remote_code)
    parts = [making.ablate(site) for site in ablate or ()]
    parts += [read_phrase(words, lambda: reference_texts(base)) for words in change or ()]
    with _TOLD["working"]("nothing was written") as report:
        found = decide_change(base, named(parts), learned=[open_run(path) for path in learn or ()], margin=margin,
                              rate=rate, step=step, most=most, report=report)  # fmt: skip
    print(dump_json(found.to_json()) if json else found)


def sweep(
    run: RunDir,
    picture: Annotated[Path | None, typer.Option(help="Draw the heat map here (PNG or SVG).")] = None,
    prompts: Annotated[int, typer.Option(help="How many of the run's prompts.")] = 200,
    step: Annotated[int, typer.Option(help="Which step ahead; 1 is the next theme.")] = 1,
    check: Annotated[int | None, typer.Option(help="Check so many rows on samples; default all, 0 none.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    trust_remote_code: Trust = False,
) -> None:
    """Every head of the model ablated in turn: which themes each would move, foretold from activations.

    Each row is checked on a few samples, and left out where the forecaster may not be read on the changed model.
    """
    from forepath.apps.mapping import map_heads
    from forepath.apps.results import dump_json
    from forepath.apps.runs import open_run

    opened = open_run(run, trust_remote_code=trust_remote_code)
    with _TOLD["working"]("nothing was written") as report:
        found = map_heads(opened, prompts=prompts, step=step, check=check, report=report)
    if picture is not None:
        print(f"picture: {found.found.plot(picture)}", file=sys.stderr)
    print(dump_json(found.to_json()) if json else found)


def _read(path: Path) -> Intervention:
    import json

    from forepath.errors import InputError
    from forepath.records import Intervention
    from forepath.subjects.interventions.making import check

    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        found = Intervention(given["kind"], given.get("site", ""), given.get("params", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds no intervention ({error!r}); wanted kind, site and params as JSON") from error
    check(found)
    return found
