"""What watching costs: the same stream with and without a monitor, side by side.

Claim: with the linear head, at most 2 % of the decoding time per token. Prints, for one text at a time and for many,
milliseconds per token of the stream, of the stream with its text spelled out, and of both watched (a token of each, in
an order drawn anew for each token; processor time of the thread, and wall clock), and the share that watching takes. A
second stream that nobody watches stands beside them: what it seems to cost is noise. The seeds are the same, so all
write the same tokens; that is checked. A small model at many texts a time decodes a token in less time than
Python takes to look at one: the share is then larger, and printed too.

    python benchmarks/monitor.py [--subject NAME | --run DIR] [--rows N] [--rounds N] [--tokens N] [--every N]

Without --run the monitor is made here: themes discovered on texts of the grammar, a linear head fitted on the prompts'
activations and random outcomes (what it says does not change what it costs). That every reading but a text's last holds
a forecast is checked: a monitor that has come to distrust itself would cost less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from forepath.forecasters.linear import LinearForecaster
from forepath.monitors.guard import Familiar, Guard
from forepath.monitors.monitor import Moment, Monitor
from forepath.monitors.readings import Reading
from forepath.monitors.rules import parse_rule
from forepath.organisms import bundled
from forepath.protocols import Subject
from forepath.records import END, Futures, Policy, Step
from forepath.subjects.huggingface import HuggingFaceSubject, load
from forepath.subjects.spelling import Spelling
from forepath.themes.discovery import discover
from forepath.themes.labelling import labeller_of
from forepath.worlds.documents import document_grammar

HORIZON = 3
Memory = dict[tuple[int, ...], str]


def made_here(subject: HuggingFaceSubject, every: int) -> Monitor:
    """A monitor of the shape a run's would have."""
    texts = [d.text[d.header :] for d in document_grammar().documents(5, 400)]
    codebook = discover(texts)
    rng, themes, site = np.random.default_rng(0), codebook.names, "resid.3"
    x = subject.activations([p.text for p in document_grammar().prompts(76, 600)], [site])[site]
    steps = rng.integers(0, len(themes), size=(600, 4, HORIZON)).astype(np.int16)
    steps[np.maximum.accumulate(steps == themes.index(END), axis=2)] = themes.index(END)
    forecaster = LinearForecaster(penalty=1.0).fit(x, Futures(themes, steps))
    return Monitor(
        forecaster, labeller_of(codebook), themes=themes, site=site, horizon=HORIZON, every=every,
        rules=[parse_rule("P(end within 2) > 0.9")], guard=Guard(Familiar.of(x)), lengths=np.full(len(themes), 20.0),
    )  # fmt: skip


def of_run(folder: str, every: int) -> tuple[HuggingFaceSubject, Monitor]:
    from forepath.apps.monitoring import open_monitor
    from forepath.apps.runs import open_run

    run = open_run(folder)
    return run.subject, open_monitor(run, every=every, rules=[parse_rule("P(end within 2) > 0.9")])


def spelled(subject: Subject, prompts: list[str], seeds: list[int], policy: Policy, memory: Memory) -> Iterator[Step]:
    """The stream, its text spelled out: what anyone who shows the text does."""
    rows = [Spelling.of(subject, memory) for _ in prompts]
    for step in subject.stream(prompts, seeds=seeds, policy=policy):
        for row, token in zip(rows, step.tokens, strict=True):
            if token is not None:
                row.add(token)
        yield step


def shown(monitor: Monitor, subject: Subject, prompts: list[str], seeds: list[int], policy: Policy) -> Iterator[Step]:
    """The watched stream, its text spelled out."""
    for moment in monitor.follow_many(subject, prompts, seeds=seeds, policy=policy):
        _ = moment.pieces
        yield moment.step


def interleaved(subject: HuggingFaceSubject, monitor: Monitor, rows: int, rounds: int, policy: Policy) -> None:
    """The same texts plain, spelled and watched, a token of each in an order drawn anew: what else the machine does,
    and what one leaves in the caches for the next, falls on all alike. Intervals draw whole rounds again."""
    prompts = [p.text for p in document_grammar().prompts(77, rows * (rounds + 1))]
    written, memory = 0, Memory()
    said: list[Reading] = []
    order = np.random.default_rng(0)
    names = ("plain", "spelled", "watched", "watched and spelled", "plain again")
    spent = {clock: np.zeros((rounds, len(names))) for clock in CLOCKS}
    for number in range(-1, rounds):  # the first is to warm up
        mine, seeds = prompts[(number + 1) * rows : (number + 2) * rows], list(range(rows))
        streams: list[Iterator[Step | Moment]] = [
            subject.stream(mine, seeds=seeds, policy=policy),
            spelled(subject, mine, seeds, policy, memory),
            monitor.follow_many(subject, mine, seeds=seeds, policy=policy),
            shown(monitor, subject, mine, seeds, policy),
            subject.stream(mine, seeds=seeds, policy=policy),
        ]
        tokens: list[list[tuple[int | None, ...]]] = [[] for _ in streams]
        held: list[Step | Moment | None] = [None for _ in streams]  # what is let go of is paid for by whoever made it
        for _ in range(policy.max_tokens + 1):
            for way in order.permutation(len(streams)).tolist():
                began = {clock: now() for clock, now in CLOCKS.items()}
                held[way] = step = next(streams[way], None)
                if number >= 0:
                    for clock, now in CLOCKS.items():
                        spent[clock][number, way] += now() - began[clock]
                if isinstance(step, Moment):
                    said += [reading for reading in step.readings if reading is not None]
                    step = step.step
                if step is not None:
                    tokens[way].append(step.tokens)
        assert all(each == tokens[0] for each in tokens), "watching changed what was written"
        written += sum(t is not None for step in tokens[0] for t in step) if number >= 0 else 0
    assert all(r.reason == "end" or r.forecast is not None for r in said), "the monitor has come to distrust itself"
    print(f"{rows} text(s) at a time, {written} tokens, {len(said)} readings")
    for clock, seconds in spent.items():
        each = ", ".join(f"{n} {1e3 * s:.3f}" for n, s in zip(names, seconds.sum(axis=0) / written, strict=True))
        print(f"  {clock:<10} {each} ms/token")
        for more, base in ((2, 0), (3, 1), (1, 0), (4, 0)):
            print(f"    {names[more]} over {names[base]} {_share(seconds[:, base], seconds[:, more])}")


CLOCKS: dict[str, Callable[[], float]] = {"processor": time.thread_time, "wall clock": time.perf_counter}


def _share(base: np.ndarray, other: np.ndarray) -> str:
    drawn = np.random.default_rng(0).integers(0, len(base), size=(2000, len(base)))
    ratios = other[drawn].sum(axis=1) / base[drawn].sum(axis=1) - 1
    low, high = np.quantile(ratios, [0.025, 0.975])
    return f"{100 * (other.sum() / base.sum() - 1):+.2f} % [{100 * low:+.2f}, {100 * high:+.2f}]"


def alone(subject: HuggingFaceSubject, monitor: Monitor, policy: Policy) -> None:
    """The monitor's own work, on steps that were kept: no model runs."""
    prompts = [p.text for p in document_grammar().prompts(78, 24)]
    steps = list(subject.stream(prompts, seeds=range(24), policy=policy, capture=[monitor.site or ""]))
    tokens = sum(t is not None for step in steps for t in step.tokens)

    class Kept:
        name, fingerprint, end_ids, decode = subject.name, subject.fingerprint, subject.end_ids, subject.decode

        def stream(self, *_: object, **__: object) -> Iterator[Step]:
            return iter(steps)

    spent = []
    for _ in range(7):
        began = time.process_time()
        for _ in monitor.follow_many(Kept(), prompts, seeds=range(24), policy=policy):
            pass
        spent.append((time.process_time() - began) / tokens)
    print(f"the monitor's own work, without the model: {1e6 * statistics.median(spent):.0f} us of processor per token")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="a run whose monitor to use")
    parser.add_argument("--subject", default="documents", help="a model that comes with the package")
    parser.add_argument("--rows", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--tokens", type=int, default=Policy().max_tokens, help="most of a text")
    parser.add_argument("--every", type=int, default=0)
    asked = parser.parse_args()
    if asked.run:
        subject, monitor = of_run(asked.run, asked.every)
    else:
        subject = load(bundled.path(asked.subject))
        monitor = made_here(subject, asked.every)
    policy = Policy(max_tokens=asked.tokens)
    alone(subject, monitor, policy)
    for rows in asked.rows:
        interleaved(subject, monitor, rows, asked.rounds, policy)


if __name__ == "__main__":
    main()
