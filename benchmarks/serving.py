"""Many clients at once: does every one get its own text, how soon, and what does watching add?

Claim: 64 concurrent streams on the bundled model, no token lost or in another's text. Every stream is compared with
what the subject writes alone from the same seed. Prints seconds to the first token and between tokens (median, 99th
percentile) and tokens per second, unmonitored and monitored, as a client on this machine sees them. Before that, the
engine alone: tokens per second with steps shared (continuous batching) beside one stream at a time in turn.

    python benchmarks/serving.py [--run DIR] [--streams N] [--tokens N] [--rounds N] [--throughput N ...]

Without --run nothing is monitored.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx2
import numpy as np

from forepath.apps.monitoring import open_monitor
from forepath.apps.proxy.application import create_app
from forepath.apps.proxy.channel import Channel
from forepath.apps.proxy.engine import Engine
from forepath.apps.proxy.local import Local
from forepath.apps.proxy.server import serving
from forepath.apps.proxy.watching import Watcher
from forepath.apps.runs import open_run
from forepath.monitors.actions import Actions
from forepath.organisms import bundled
from forepath.records import Policy, Step
from forepath.subjects.huggingface import HuggingFaceSubject, load
from forepath.worlds.documents import document_grammar

TOKEN = "benchmark"


def stream(url: str, prompt: str, seed: int, tokens: int) -> tuple[str, list[float]]:
    """(the text, seconds of every frame with text since the request)."""
    body = {"prompt": prompt, "seed": seed, "max_tokens": tokens, "stream": True}
    began, text, times = time.perf_counter(), "", []
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx2.stream("POST", f"{url}/v1/completions", json=body, headers=headers, timeout=600) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                piece = json.loads(line[6:])["choices"][0]["text"]
                times += [time.perf_counter() - began] if piece else []
                text += piece
    return text, times


def measure(subject: HuggingFaceSubject, ways: dict[str, Watcher | None], many: int, tokens: int, rounds: int) -> None:
    """What clients see of a server with and without a monitor, in turn, `rounds` times each."""
    prompts = [p.text for p in document_grammar().prompts(6, many)]
    policy = Policy(max_tokens=tokens)
    alone = []
    for seed, prompt in enumerate(prompts):
        written = [s.tokens[0] for s in subject.stream([prompt], seeds=[seed], policy=policy)]
        alone.append(subject.decode([t for t in written if t is not None]))
    heard: dict[str, list[tuple[str, list[float]]]] = {name: [] for name in ways}
    spent = dict.fromkeys(ways, 0.0)
    for number in range(-1, rounds):  # the first is to warm up
        for name, watcher in ways.items():
            engine = Engine(most_streams=many, most_waiting=many)
            app = create_app(Local(subject, engine, watcher, policy), Channel("b"))
            with serving(app, token=TOKEN) as url, ThreadPoolExecutor(many) as pool:
                began = time.perf_counter()
                found = list(pool.map(partial(stream, url, tokens=tokens), prompts, range(many)))
                if number >= 0:
                    spent[name] += time.perf_counter() - began
                    heard[name] += found
            engine.close()
    for name, found in heard.items():
        wrong = sum(text != truth for (text, _), truth in zip(found, alone * rounds, strict=True))
        first = 1e3 * np.array([times[0] for _, times in found if times])
        gaps = 1e3 * np.concatenate([np.diff(times) for _, times in found])
        pieces = sum(len(times) for _, times in found)
        print(
            f"{name}: {rounds} x {many} streams, {pieces} pieces of text, {wrong} texts that are not their own; first "
            f"piece after {np.median(first):.0f} ms (99 %: {np.quantile(first, 0.99):.0f}), between pieces "
            f"{np.median(gaps):.2f} ms (99 %: {np.quantile(gaps, 0.99):.1f}), {pieces / spent[name]:.0f} pieces/s"
        )  # fmt: skip


class Turns:
    """A subject that cannot share steps: each stream is its own, a token of each in turn."""

    def __init__(self, subject: HuggingFaceSubject) -> None:
        self.name, self.fingerprint, self.end_ids = subject.name, subject.fingerprint, subject.end_ids
        self.decode, self.stream = subject.decode, subject.stream


def throughput(subject: HuggingFaceSubject, streams: Sequence[int], tokens: int, rounds: int = 3) -> None:
    """Tokens a second of the engine alone, steps shared against one stream at a time in turn; no HTTP, no monitor.

    Streams begin one after another, while others write. Rounds alternate; processor time, because machines are shared.
    """
    prompts = [p.text for p in document_grammar().prompts(6, max(streams))]
    for many in streams:
        rates: dict[str, list[tuple[float, float]]] = {"shared": [], "in turn": []}
        texts: dict[str, dict[int, list[int]]] = {}
        for number in range(rounds):
            for name, asked in (("shared", subject), ("in turn", Turns(subject)))[:: 1 if number % 2 else -1]:
                said: dict[int, list[int]] = {i: [] for i in range(many)}
                done = threading.Barrier(many + 1)
                engine = Engine(most_streams=many, most_waiting=many)
                wall, processor = time.perf_counter(), time.process_time()
                for i in range(many):
                    follow(engine, asked, prompts[i], i, tokens, said[i], done)
                done.wait(600)
                spent = time.perf_counter() - wall, time.process_time() - processor
                engine.close()
                written = sum(map(len, said.values()))
                rates[name].append((written / spent[0], written / spent[1]))
                texts[name] = said
        differing = sum(texts["shared"][i] != texts["in turn"][i] for i in range(many))
        told = ", ".join(
            f"{name} {statistics.median(p for _, p in found):,.0f} tokens per processor second "
            f"({statistics.median(w for w, _ in found):,.0f} per second of the wall)" for name, found in rates.items()
        )  # fmt: skip
        ratio = statistics.median(a / b for (_, a), (_, b) in zip(rates["shared"], rates["in turn"], strict=True))
        print(f"{many} streams of {tokens} tokens: {told}; {ratio:.1f} times; {differing} texts differ")


def follow(
    engine: Engine, subject: Any, prompt: str, seed: int, tokens: int, said: list[int], done: threading.Barrier
) -> None:
    """Begin a stream whose reader takes everything at once."""

    def step(step: Step) -> int:
        said.extend(t for t in step.tokens if t is not None)
        return 0

    def over(error: Exception | None) -> None:
        assert error is None, error
        threading.Thread(target=done.wait).start()

    engine.begin(subject, prompt, [seed], Policy(max_tokens=tokens), (), step, over)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3, help="of the streams over HTTP")
    parser.add_argument("--throughput", type=int, nargs="*", default=[1, 8, 64], help="of so many streams, no HTTP")
    asked = parser.parse_args()
    subject = load(bundled.path("documents"))
    ways: dict[str, Watcher | None] = {"unmonitored": None}
    if asked.throughput:
        throughput(subject, asked.throughput, asked.tokens)
    if asked.run:
        run = open_run(asked.run)
        subject = run.subject
        ways |= {"monitored": Watcher(open_monitor(run), Actions(), Channel("b").publish)}
    measure(subject, ways, asked.streams, asked.tokens, asked.rounds)
    for watcher in filter(None, ways.values()):
        watcher.close()


if __name__ == "__main__":
    main()
