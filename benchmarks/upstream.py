"""In front of another server: does every client get its text, how much later, and is the forecast the run's own?

Claims: the texts are those of the server behind; with `--hidden-states`, the forecast at the beginning is what the
run's forecaster says of the run's own model, and no file of a request that passed is left. Requests go to the server
behind and through `forepath serve` in turn, from one client and from many, with the same seeds. Prints how many answers
differ, when frames came (median, 99th percentile), and how far the odds of the two forecasts are apart. (That the bytes
of a frame are passed on as they are is a test; vLLM puts one or two tokens into a frame as its time allows.)

    python benchmarks/upstream.py --run DIR --upstream URL [--hidden-states DIR] [--streams N ...] [--rounds N]

The server behind has to be started first and hold the run's model; for a vLLM the commands are in docs/monitor.md. A
server that is busy may add numbers in another order and draw another token: that its own answers differ from each other
is counted, too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np

from forepath.apps.runs import open_run
from forepath.worlds.documents import document_grammar

PORT = 8447
MARK = b": forepath "


@dataclass(frozen=True)
class Answer:
    """One stream as a client sees it."""

    name: str
    """Its `id`."""
    text: str
    reason: str
    """Why it ended."""
    times: tuple[float, ...]
    """Seconds from the request to each frame."""
    foretold: tuple[dict, ...]
    """Readings made from activations, and why there are none."""


def ask(url: str, model: str, prompt: str, seed: int, tokens: int) -> Answer:
    body = {"model": model, "prompt": prompt, "seed": seed, "max_tokens": tokens, "stream": True, "temperature": 1.0}
    began, name, text, reason, times, foretold = time.perf_counter(), "", "", "", [], []
    with httpx2.stream("POST", f"{url}/completions", json=body, timeout=600) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            data = line.encode()
            if data.startswith(b"data: {"):
                frame = json.loads(data[6:])
                name, choice = frame["id"], frame["choices"][0]
                text, reason = text + choice["text"], choice["finish_reason"] or reason
                times.append(time.perf_counter() - began)
            elif data.startswith(MARK):
                record = json.loads(data[len(MARK) :])
                found = record.get("failed") or record.get("reading")
                foretold += [found] if found["source"].startswith("activations of the prompt") else []
    return Answer(name, text, reason, tuple(times), tuple(foretold))


@contextmanager
def in_front(run: Path, upstream: str, states: Path | None) -> Iterator[str]:
    """The base URL of `forepath serve` in a process of its own."""
    more = [] if states is None else ["--hidden-states", str(states)]
    words = ["serve", str(run), "--port", str(PORT), "--upstream", upstream, *more]
    command = [sys.executable, "-c", "from forepath.apps.cli import main; main()", *words]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        token = next(line.split()[1] for line in server.stdout if line.startswith("token: "))
        yield f"http://127.0.0.1:{PORT}/t/{token}/v1"
    finally:
        server.terminate()
        server.wait()


def compare(ways: dict[str, str], prompts: list[str], many: int, tokens: int, rounds: int) -> dict[str, list[Answer]]:
    """The answers of each way, `rounds` times all prompts, `many` at a time; the first round is to warm up."""
    model = httpx2.get(f"{ways['direct']}/models").json()["data"][0]["id"]
    heard: dict[str, list[Answer]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, url in ways.items():
            with ThreadPoolExecutor(many) as pool:
                found = list(pool.map(lambda n, url=url: ask(url, model, prompts[n], n, tokens), range(len(prompts))))
            heard[name] += found
    warm = {name: answers[len(prompts) :] for name, answers in heard.items()}
    own = warm["direct"][: len(prompts)] * rounds
    print(f"{many} at a time, {rounds} x {len(prompts)} requests each way")
    for name, answers in warm.items():
        other = sum((a.text, a.reason) != (b.text, b.reason) for a, b in zip(answers, own, strict=True))
        first = 1e3 * np.array([a.times[0] for a in answers])
        gaps = 1e3 * np.concatenate([np.diff(a.times) for a in answers])
        print(
            f"  {name:<8} first frame after {np.median(first):.1f} ms (99 %: {np.quantile(first, 0.99):.1f}), between "
            f"frames {np.median(gaps):.2f} ms (99 %: {np.quantile(gaps, 0.99):.1f}); {other} answers that are not "
            "as when first asked directly"
        )  # fmt: skip
    return heard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--upstream", required=True, help="base URL of the server behind")
    parser.add_argument("--hidden-states", type=Path, help="where its connector writes")
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    run = open_run(asked.run)
    prompts = [p.text for p in document_grammar().prompts(79, asked.prompts)]
    foretold: list[tuple[int, dict]] = []
    direct: set[str] = set()
    with in_front(asked.run, asked.upstream, asked.hidden_states) as ours:
        ways = {"direct": f"{asked.upstream.rstrip('/').removesuffix('/v1')}/v1", "through": ours}
        for many in asked.streams:
            answers = compare(ways, prompts, many, asked.tokens, asked.rounds)
            heard, direct = answers["through"], direct | {answer.name for answer in answers["direct"]}
            foretold += [(n % len(prompts), found) for n, answer in enumerate(heard) for found in answer.foretold]
        time.sleep(1.0)
    if asked.hidden_states is None:
        return
    site = run.forecaster.origin.site
    wanted = run.forecaster.predict(run.subject.activations(prompts, [site])[site]).steps
    made = [(n, found) for n, found in foretold if "steps" in found]
    if not made:
        print(f"no forecast from activations: {foretold[:1]}")
        return
    apart = [np.abs(np.array(found["steps"]) - wanted[n]).max() for n, found in made]
    others = [np.abs(np.array(found["steps"]) - wanted[n - 1]).max() for n, found in made]
    print(
        f"forecasts from activations: {len(made)} of {len(foretold)}; odds at most {max(apart):.1e} from the run's own "
        f"forecast of the same prompt (of another prompt: median {np.median(others):.1e})"
    )
    left = {path.name for path in asked.hidden_states.iterdir()}
    theirs = {path for path in left if any(name in path for name in direct)}
    print(f"files left by requests asked directly: {len(theirs)}, by others: {len(left - theirs)}")


if __name__ == "__main__":
    main()
