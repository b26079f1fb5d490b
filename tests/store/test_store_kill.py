"""Kill the writer: at every step it takes, and for real at random moments. The run ends up the same to the bit."""

import contextlib
import os
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from forepath.store import Run, disk

CONFIG = {"seed": 1}
SHARDS = 40


def work(run: Run, shards: int, big: int = 50, ready: Callable[[], object] = bool) -> None:
    """What a pipeline does: the items not done yet, each when `ready`, then a document and a folder replaced."""
    for i in range(shards):
        if f"{i:04d}" not in run.done("acts"):
            ready()
            rng = np.random.default_rng(i)
            table = pa.table({"item": [i] * big, "x": rng.normal(size=big)})
            run.append("acts", [f"{i:04d}"], table, {"resid": rng.normal(size=(big, 64))}, {"resid": "bfloat16"})
    run.write_document("scores", {"rows": []})
    run.write_document("scores", {"rows": [1.5, None]})
    for text in ("first", "second"):
        with run.write_folder("forecaster") as folder:
            (folder / f"{text}.txt").write_text(text)


def contents(path: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(path)): p.read_bytes()
        for p in sorted(path.rglob("*"))
        if p.is_file() and p.name not in ("run.json", ".lock")
    }


class Killed(BaseException):
    """Not an Exception: nothing may catch it, as nothing catches SIGKILL."""


def kill_at(step: int, monkeypatch) -> None:
    """Make the `step`-th system call that changes the disk raise instead; a write is torn half-way."""
    left = [step]

    def counted(name):
        real = getattr(os, name)

        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return real(*args, **kwargs)

        monkeypatch.setattr(disk.os, name, call)

    for name in ("open", "fsync", "replace", "mkdir", "unlink", "rename"):
        counted(name)

    real_fdopen = os.fdopen

    def fdopen(*args, **kwargs):
        left[0] -= 1
        stream = real_fdopen(*args, **kwargs)
        if left[0] == 0:
            write = stream.write

            class Torn:
                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    stream.close()

                def write(self, data):
                    write(data[: len(data) // 2])
                    stream.flush()
                    raise Killed

            return Torn()
        return stream

    monkeypatch.setattr(disk.os, "fdopen", fdopen)


def killed_once(path: Path, step: int, monkeypatch) -> bool:
    """Write a small run with a kill at `step`; whether the kill came before the end."""
    with monkeypatch.context() as planted:
        kill_at(step, planted)
        try:
            work(Run.create(path, CONFIG), 1, big=2)
        except Killed:
            return True
    return False


def test_a_kill_at_any_step_is_made_good_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # a step like any other, but slow, and no kill undoes a write
    whole = tmp_path / "whole"
    work(Run.create(whole, CONFIG), 1, big=2)
    step = 1
    while killed_once(tmp_path / str(step), step, monkeypatch):
        run = Run.create(tmp_path / str(step), CONFIG)
        assert run.done("acts") <= {"0000"}
        run.verify()  # whatever is committed is whole
        run.gc()
        work(run, 1, big=2)
        assert contents(run.path) == contents(whole), f"killed at step {step}"
        step += 1
    assert step > 50, "too few steps: the kills did not reach the writing"


@pytest.mark.parametrize("bug", ["commit first", "torn in place"])
def test_the_kill_test_catches_a_planted_bug(tmp_path, monkeypatch, bug):
    """With the commit record written before the data, or the data written in place, some step must fail the test."""

    def in_place(path, data):
        with open(path, "wb") as stream:
            stream.write(data[: len(data) // 2])
            stream.flush()
            os.fsync(stream.fileno())
            stream.write(data[len(data) // 2 :])

    def commit_first(self, family, items, table, arrays=None, dtypes=None):
        name = f"{family}-{shard_id(self._config_hash, family, items)}"
        parts = {f"data/{name}.parquet": parquet.pack(table)}
        stamps = {f: stamp_of(d) for f, d in parts.items()}
        commits.write_commit(self.path, Commit(name, stamps, family, tuple(items), table.num_rows, {}, {}))
        for file, data in parts.items():
            disk.write_bytes(self.path / file, data)

    from forepath.store import commits, parquet
    from forepath.store.commits import Commit, shard_id, stamp_of

    wrong = 0
    for step in range(1, 40):
        path = tmp_path / str(step)
        with monkeypatch.context() as planted:
            if bug == "commit first":
                planted.setattr(Run, "append", commit_first)
            else:
                planted.setattr(commits, "write_bytes", in_place)
            kill_at(step, planted)
            with contextlib.suppress(Killed):
                work(Run.create(path, CONFIG), 1, big=2)
        try:
            Run.create(path, CONFIG).verify()
        except Exception:
            wrong += 1
    assert wrong, "the planted bug was not seen"


WRITER = """
    import sys
    sys.path.insert(0, {here!r})
    from test_store_kill import CONFIG, SHARDS, Run, work
    run = Run.create({path!r}, CONFIG)
    run.gc()
    print("writing", flush=True)
    work(run, SHARDS, ready=sys.stdin.readline)
"""


def test_twelve_real_kills_lose_nothing_and_repeat_nothing(tmp_path):
    whole, path = tmp_path / "whole", tmp_path / "killed"
    started = time.perf_counter()
    work(Run.create(whole, CONFIG), SHARDS)
    per_shard = (time.perf_counter() - started) / SHARDS
    draw = random.Random(5)
    code = textwrap.dedent(WRITER.format(here=str(Path(__file__).parent), path=str(path)))
    done: set[str] = set()
    for _ in range(12):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as child:
            assert child.stdout.readline() == "writing\n"
            wanted = len(done) + draw.randrange(3)
            child.stdin.write("go on\n" * (wanted - len(done) + 1))  # it cannot end before it is killed
            child.stdin.flush()
            while len(list(path.glob("commit/[!.]*"))) < wanted and child.poll() is None:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, per_shard))  # anywhere within a shard
            assert child.poll() is None, "the writer ended before it was killed"
            child.kill()
        run = Run.open(path)
        assert run.done("acts") >= done, "a committed item was lost"
        done = run.done("acts")
        run.verify()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert contents(path) == contents(whole)
    assert 0 < len(done) < SHARDS and Run.open(path).table("acts").num_rows == SHARDS * 50
