"""What watching costs: the same stream with and without a monitor, side by side.

Claim: with the linear head, one text at a time and no rule, at most 2 % of the decoding time per token of either model
that comes with the package, where forepath was installed with a C compiler at hand (which is printed). Two streams at a
time write the same texts (the seeds are the same; that they are is checked), some tokens of one and then of the other,
in an order drawn anew: what else the machine does falls on both, and what a stream leaves in the caches is met mostly
by itself. Printed are processor time of the thread per token of the decoding phase, the share that the second stream
takes more, and apart from it the first token, before which the prompt is read, the guard looks and the first forecast
is made. The pairs: the stream and it watched; both with their text spelled out, as for anyone who shows it; watched
with a rule; and the stream beside itself, which is noise. A small model at many texts a time decodes a token in less
time than Python takes to look at one: the share is then larger, and printed too.

    python benchmarks/monitor.py [--subject NAME|DIR | --run DIR] [--rows N] [--texts N] [--tokens N] [--every N]

Without --run the monitor is made here: themes discovered on texts of the grammar, a linear head fitted on the prompts'
activations and random outcomes (what it says does not change what it costs). That every reading but a text's last holds
a forecast is checked: a monitor that has come to distrust itself would cost less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from forepath.forecasters.linear import LinearForecaster
from forepath.monitors.guard import Familiar, Guard
from forepath.monitors.monitor import Moment, Monitor
from forepath.monitors.readings import Reading
from forepath.monitors.rules import parse_rule
from forepath.organisms import bundled
from forepath.records import END, Futures, Policy, Step
from forepath.stats import quick
from forepath.subjects.huggingface import HuggingFaceSubject, load
from forepath.subjects.spelling import Spelling
from forepath.themes.discovery import discover
from forepath.themes.labelling import labeller_of
from forepath.worlds.documents import document_grammar

HORIZON = 3
Memory = dict[tuple[int, ...], str]
Way = Callable[[list[str]], Iterator[Step] | Iterator[Moment]]


RULE = parse_rule("P(end within 2) > 0.9")
AT_A_TIME = 8
"""Tokens of one stream before it may be the other's turn."""
LEAST_ROUNDS = 8


def made_here(subject: HuggingFaceSubject, every: int) -> Callable[[bool], Monitor]:
    """Makes monitors of the shape a run's would have, with a rule or without."""
    texts = [d.text[d.header :] for d in document_grammar().documents(5, 400)]
    codebook = discover(texts)
    rng, themes, site = np.random.default_rng(0), codebook.names, "resid.3"
    x = subject.activations([p.text for p in document_grammar().prompts(76, 600)], [site])[site]
    steps = rng.integers(0, len(themes), size=(600, 4, HORIZON)).astype(np.int16)
    steps[np.maximum.accumulate(steps == themes.index(END), axis=2)] = themes.index(END)
    forecaster = LinearForecaster(penalty=1.0).fit(x, Futures(themes, steps))
    return lambda rule: Monitor(
        forecaster, labeller_of(codebook), themes=themes, site=site, horizon=HORIZON, every=every,
        rules=[RULE] if rule else [], guard=Guard(Familiar.of(x)), lengths=np.full(len(themes), 20.0),
    )  # fmt: skip


def of_run(folder: str, every: int) -> tuple[HuggingFaceSubject, Callable[[bool], Monitor]]:
    from forepath.apps.monitoring import open_monitor
    from forepath.apps.runs import open_run

    run = open_run(folder)
    return run.subject, lambda rule: open_monitor(run, every=every, rules=[RULE] if rule else [])


class Texts:
    """The ways to write the same texts."""

    def __init__(self, subject: HuggingFaceSubject, make: Callable[[bool], Monitor], policy: Policy) -> None:
        self.subject, self.policy = subject, policy
        self.monitor, self.ruled = make(False), make(True)
        self.memory: Memory = {}
        for token in range(len(subject.tokenizer)):  # the monitors have read the vocabulary, too
            Spelling.of(subject, self.memory).alone(token)

    def plain(self, prompts: list[str]) -> Iterator[Step]:
        return self.subject.stream(prompts, seeds=range(len(prompts)), policy=self.policy)

    def spelled(self, prompts: list[str]) -> Iterator[Step]:
        """The text spelled out: what anyone who shows it does."""
        rows = [Spelling.of(self.subject, self.memory) for _ in prompts]
        for step in self.plain(prompts):
            for row, token in zip(rows, step.tokens, strict=True):
                if token is not None:
                    row.add(token)
            yield step

    def watched(self, prompts: list[str]) -> Iterator[Moment]:
        return self._follow(self.monitor, prompts)

    def watched_and_spelled(self, prompts: list[str]) -> Iterator[Moment]:
        for moment in self.watched(prompts):
            _ = moment.pieces
            yield moment

    def watched_with_a_rule(self, prompts: list[str]) -> Iterator[Moment]:
        return self._follow(self.ruled, prompts)

    def _follow(self, monitor: Monitor, prompts: list[str]) -> Iterator[Moment]:
        return monitor.follow_many(self.subject, prompts, seeds=range(len(prompts)), policy=self.policy)


def check(readings: Sequence[Reading | None]) -> None:
    """None is kept: what a reading takes is free again for the next one, as for anyone who shows it and goes on."""
    distrusts = any(r is not None and r.reason != "end" and r.forecast is None for r in readings)
    assert not distrusts, "the monitor has come to distrust itself"


def beside(base: Way, more: Way, rows: int, rounds: int) -> None:
    """Two ways by turns. Intervals draw rounds again."""
    prompts = [p.text for p in document_grammar().prompts(77, rows * (rounds + 1))]
    order = np.random.default_rng(0)
    first, later = np.zeros((rounds, 2)), np.zeros((rounds, 2))
    count = 0
    for number in range(-1, rounds):  # the first is to warm up
        mine = prompts[(number + 1) * rows : (number + 2) * rows]
        streams: list[Iterator[Step] | Iterator[Moment]] = [base(mine), more(mine)]
        tokens: list[list[tuple[int | None, ...]]] = [[], []]
        held: list[Step | Moment | None] = [None, None]  # what is let go of is paid for by whoever made it
        while True:
            for way in order.permutation(2).tolist():
                for _ in range(AT_A_TIME if tokens[way] else 1):
                    began = time.thread_time()
                    step: Step | Moment | None = next(streams[way], None)
                    held[way] = step
                    if number >= 0:
                        (later if tokens[way] else first)[number, way] += time.thread_time() - began
                    if step is None:
                        break
                    if isinstance(step, Moment):
                        check(step.readings)
                        step = step.step
                    tokens[way].append(step.tokens)
            if held == [None, None]:
                break
        assert tokens[0] == tokens[1], "watching changed what was written"
        count += sum(t is not None for step in tokens[0][1:] for t in step) if number >= 0 else 0
    drawn = np.random.default_rng(0).integers(0, rounds, size=(2000, rounds))
    low, high = np.quantile(later[drawn, 1].sum(axis=1) / later[drawn, 0].sum(axis=1) - 1, [0.025, 0.975])
    spent, begun, whole = later.sum(axis=0), 1e3 * np.median(first, axis=0), (first + later).sum(axis=0)
    names = [way.__name__.replace("_", " ") for way in (more, base)]
    share = 100 * (whole[1] / whole[0] - 1)
    print(f"  {' over '.join(names):<32} {100 * (spent[1] / spent[0] - 1):+.2f} % [{100 * low:+.2f}, {100 * high:+.2f}]"
          f"   {1e3 * spent[0] / count:.3f} -> {1e3 * spent[1] / count:.3f} ms a token"
          f"   first {begun[0]:.2f} -> {begun[1]:.2f} ms   all {share:+.2f} %", flush=True)  # fmt: skip


def by_transformers(subject: HuggingFaceSubject, policy: Policy) -> None:
    """What a token takes by `generate`, the usual way, and by `stream`: one text at a time, its prompt in it."""
    spent, written = np.zeros(2), np.zeros(2)
    for number, prompt in enumerate(document_grammar().prompts(79, 13)):
        ids = torch.tensor(subject.encode([prompt.text])).to(subject.model.device)
        began = time.perf_counter()
        with torch.inference_mode():
            out = subject.model.generate(ids, do_sample=True, top_k=0, max_new_tokens=policy.max_tokens,
                                         attention_mask=torch.ones_like(ids))  # fmt: skip
        between = time.perf_counter()
        steps = sum(1 for _ in subject.stream([prompt.text], seeds=[number], policy=policy))
        if number:  # the first is to warm up
            spent += between - began, time.perf_counter() - between
            written += out.shape[1] - ids.shape[1], steps
    by = 1e3 * spent / written
    print(f"one text at a time by the clock: generate of transformers {by[0]:.2f}, stream {by[1]:.2f} ms a token")


def alone(subject: HuggingFaceSubject, monitor: Monitor, policy: Policy) -> None:
    """The monitor's own work, on steps that were kept: no model runs."""
    prompts = [p.text for p in document_grammar().prompts(78, 24)]
    steps = list(subject.stream(prompts, seeds=range(24), policy=policy, capture=[monitor.site or ""]))
    tokens = sum(t is not None for step in steps for t in step.tokens)

    class Kept:
        name, fingerprint, end_ids, decode = subject.name, subject.fingerprint, subject.end_ids, subject.decode
        tokenizer = subject.tokenizer

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
    parser.add_argument("--subject", default="documents", help="a model that comes with the package, or a directory")
    parser.add_argument("--rows", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--texts", type=int, default=96)
    parser.add_argument("--tokens", type=int, default=Policy().max_tokens, help="most of a text")
    parser.add_argument("--every", type=int, default=0)
    asked = parser.parse_args()
    if min([*asked.rows, asked.texts, asked.tokens]) < 1:
        parser.error(f"--rows {asked.rows} --texts {asked.texts} --tokens {asked.tokens}; wanted numbers from 1 on")
    if asked.run:
        subject, make = of_run(asked.run, asked.every)
    else:
        subject = load(bundled.path(asked.subject) if asked.subject in bundled.names() else asked.subject)
        make = made_here(subject, asked.every)
    policy = Policy(max_tokens=asked.tokens)
    print("the two products of `forepath.stats.quick`: " + ("compiled" if quick.COMPILED else "by numpy"))
    alone(subject, make(True), policy)
    by_transformers(subject, policy)
    for rows in asked.rows:
        rounds = max(LEAST_ROUNDS, asked.texts // rows)
        texts = Texts(subject, make, policy)
        print(f"{rows} text(s) at a time, {rows * rounds} of them, up to {asked.tokens} tokens")
        beside(texts.plain, texts.watched, rows, rounds)
        beside(texts.spelled, texts.watched_and_spelled, rows, rounds)
        beside(texts.plain, texts.watched_with_a_rule, rows, rounds)
        beside(texts.plain, texts.plain, rows, rounds)


if __name__ == "__main__":
    main()
