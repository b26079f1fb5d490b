"""What a server must not do: grow, lose an alarm to `kill -9`, or raise at what another server says.

    python benchmarks/reliability.py memory RUN [--requests N] [--alarms]   resident memory of `forepath serve RUN`
    python benchmarks/reliability.py kill RUN [--kills N]        alarms heard before a kill, found in the run after
    python benchmarks/reliability.py fuzz [--streams N]          damaged event streams, fed to the proxy's parser

RUN is a finished run (`forepath demo`); `kill` adds lines to its log of alarms.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import numpy as np
from scipy.stats import theilslopes

from forepath.apps.proxy.hearing import Hearing
from forepath.apps.runs import open_run
from forepath.worlds.documents import document_grammar

RULE = "P(end | other within 2) > 0.001 then notify"
"""Raised in nearly every text."""
HELD = ("resident MB", "malloc in use MB", "malloc free MB", "thousand Python blocks")
NEVER = "P(end | other within 2) > 0.99999 then notify"


INSIDE = """
import ctypes, os, signal, sys
class Info(ctypes.Structure):
    _fields_ = [(n, ctypes.c_size_t) for n in "arena ordblks smblks hblks hblkhd usmblks fsmblks used free top".split()]
def tell(*_):
    try:
        ask = ctypes.CDLL(None).mallinfo2
        ask.restype = Info
        found = ask()
        used, free = found.used + found.hblkhd, found.free
    except AttributeError:
        used = free = 0
    os.write(2, f"inside: {used} {free} {sys.getallocatedblocks()}\\n".encode())
signal.signal(signal.SIGUSR1, tell)
"""
"""On SIGUSR1 the server says what it holds: bytes of malloc in use and free (glibc), blocks of Python objects."""


@contextmanager
def serving(run: str, rule: str = RULE) -> Iterator[tuple[subprocess.Popen[str], str, dict[str, str]]]:
    """(process, base URL, headers) of `forepath serve`."""
    words = ["serve", run, "--port", "0", "--rule", rule]
    code = INSIDE + "from forepath.apps.cli import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        token, url = server.stdout.readline().strip().removeprefix("token: "), ""
        while not url:
            url = "".join(re.findall(r"base URL: (\S+)/v1", server.stderr.readline()))
        yield server, url, {"authorization": f"Bearer {token}"}
    finally:
        server.kill()
        server.communicate()


def resident(process: subprocess.Popen[str]) -> float:
    """Megabytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def inside(process: subprocess.Popen[str]) -> list[float]:
    """[megabytes of malloc in use, free and kept for later, thousands of Python blocks]"""
    process.send_signal(signal.SIGUSR1)
    while not (found := re.fullmatch(r"inside: (\d+) (\d+) (\d+)\n", process.stderr.readline())):
        pass
    return [int(found[1]) / 1e6, int(found[2]) / 1e6, int(found[3]) / 1e3]


def memory(run: str, requests: int, rule: str) -> None:
    """Eight clients at once, four tokens each, watched. Growth: the Theil-Sen slope over the second half of the
    requests, when what is kept up to a bound is full. `--alarms`: with a rule that raises one in nearly every text."""
    prompts = [p.text for p in document_grammar().prompts(6, 500)]
    with serving(run, rule) as (process, url, headers), httpx2.Client(headers=headers, timeout=600) as client:

        def ask(i: int) -> int:
            body = {"prompt": prompts[i % len(prompts)], "seed": i, "max_tokens": 4, "stream": i % 2 == 0}
            return client.post(f"{url}/v1/completions", json=body).status_code

        began, seen, each = time.perf_counter(), [], max(1, requests // 100)
        with ThreadPoolExecutor(8) as pool:
            for start in range(0, requests, each):
                codes = set(pool.map(ask, range(start, min(requests, start + each))))
                assert codes == {200}, codes
                seen.append([resident(process), *inside(process)])
                if (start + each) % (10 * each) == 0:
                    spent = time.perf_counter() - began
                    now = ", ".join(f"{n} {x:,.1f}" for n, x in zip(HELD, seen[-1], strict=True))
                    print(f"{start + each:>6} requests, {spent:.0f} s: {now}", flush=True)
        for name, half in zip(HELD, np.array(seen[len(seen) // 2 :]).T, strict=True):
            slope, _, low, high = theilslopes(half, np.arange(len(half)) * each / 1000, 0.95)
            print(f"second half: {name} {half.min():,.1f} to {half.max():,.1f}; growth {slope:+.2f} [{low:+.2f}, "
                  f"{high:+.2f}] per 1,000 requests")  # fmt: skip


def kill(run: str, kills: int) -> None:
    """Streams are written, alarms heard on the side channel; then SIGKILL, at a moment drawn by lot."""
    prompts = [p.text for p in document_grammar().prompts(7, 400)]
    heard, rng = 0, random.Random(0)
    for number in range(kills):
        alarms: list[dict[str, object]] = []
        with serving(run) as (process, url, headers), ThreadPoolExecutor(9) as pool:

            def listen(url: str = url, headers: dict[str, str] = headers, alarms: list = alarms) -> None:
                with (
                    suppress(httpx2.HTTPError),
                    httpx2.stream("GET", f"{url}/forepath/events", headers=headers, timeout=600) as answer,
                ):
                    kind = ""
                    for line in answer.iter_lines():
                        kind = line[7:] if line.startswith("event: ") else kind
                        if kind == "alarm" and line.startswith("data: "):
                            alarms.append(json.loads(line[6:]))

            def write(i: int, url: str = url, headers: dict[str, str] = headers) -> None:
                body = {"prompt": prompts[i % len(prompts)], "seed": i, "max_tokens": 64, "stream": True}
                with suppress(httpx2.HTTPError):
                    httpx2.post(f"{url}/v1/completions", json=body, headers=headers, timeout=600)

            pool.submit(listen)
            for i in range(8):
                pool.submit(write, 100 * number + i)
            until = time.monotonic() + 120
            while len(alarms) < 3 and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(rng.random())
            process.kill()
        store = open_run(run).store
        store.verify()
        rows = {(r["conversation"], r["rule"], r["token"]) for r in store.logged("alarms")}
        lost = [a for a in alarms if (a["conversation"], a["rule"], a["token"]) not in rows]
        heard += len(alarms)
        print(f"kill {number + 1}: {len(alarms)} alarms heard, {len(lost)} not in the run", flush=True)
        assert not lost, lost
    print(f"{kills} kills, {heard} alarms heard, none lost; every file of the run matches its hash")


def fuzz(streams: int) -> None:
    """Frames of a real kind with bytes changed, dropped, doubled and swapped, in pieces of any size."""
    rng, good, raised = random.Random(0), 0, 0
    end = b'data: {"choices":[{"index":0,"text":"end"}]}\n\n'
    for _ in range(streams):
        frames = [
            b"data: "
            + json.dumps({"id": "x", "choices": [{"index": rng.randrange(3), "text": "a\u00e9\n" * n}]}).encode()
            + rng.choice([b"\n\n", b"\r\n\r\n", b"\r\r"])
            for n in range(rng.randrange(1, 6))
        ]  # fmt: skip
        content = bytearray(b"".join(frames))
        for _ in range(rng.randrange(12)):
            at = rng.randrange(len(content))
            change = rng.randrange(4)
            if change == 0:
                content[at] = rng.randrange(256)
            elif change == 1:
                del content[at : at + rng.randrange(9)]
            elif change == 2:
                content[at:at] = content[at : at + rng.randrange(40)]
            else:
                content[at:at] = rng.choice(
                    [b"\x00", b"\xff\xfe", b"[" * 50, b"{}", b"data: [DONE]\n\n", b"1e999", b"null"]
                )
            content = content or bytearray(b" ")
        whole, hearing, said = bytes(content) + b"\n\n" + end, Hearing(), []
        try:
            at = 0
            while at < len(whole):
                size = rng.randrange(1, 60)
                said += list(hearing.feed(whole[at : at + size]))
                at += size
        except Exception as error:  # what this looks for
            raised += 1
            print(f"{type(error).__name__}: {error} at {whole[:200]!r}")
        good += bool(said) and said[-1].text == "end"
    print(f"{streams} damaged streams: {raised} raised, {good} heard the whole frame after the damage")
    assert not raised and good == streams


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["memory", "kill", "fuzz"], default="fuzz")
    parser.add_argument("run", nargs="?", default="runs/demo")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--alarms", action="store_true", help="a rule that is raised in nearly every text")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--streams", type=int, default=20_000)
    asked = parser.parse_args()
    if asked.what == "fuzz":
        fuzz(asked.streams)
    elif asked.what == "memory":
        memory(asked.run, asked.requests, RULE if asked.alarms else NEVER)
    else:
        kill(asked.run, asked.kills)


if __name__ == "__main__":
    main()
