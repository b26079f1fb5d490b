"""Lines added one at a time: what was said to be written is there, whatever else happened."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from forepath.errors import DiskFullError, RunError
from forepath.store import Run, disk, journal

WRITER = """
import sys
from forepath.store import Run
run = Run.open(sys.argv[1])
for n in range(10**6):
    run.log("alarms", {"writer": sys.argv[2], "n": n, "text": "x" * 300})
    print(n, flush=True)
"""


def test_lines_come_back_in_order_beside_the_tables(tmp_path):
    run = Run.create(tmp_path / "run", {})
    assert run.logged("alarms") == []
    for n in range(3):
        run.log("alarms", {"n": n, "text": "a\nb \u2028 é"})
    assert [line["n"] for line in Run.open(run.path).logged("alarms")] == [0, 1, 2]
    assert run.logged("alarms")[0]["text"] == "a\nb \u2028 é" and run.families() == ()
    assert run.gc() == [] and run.verify() == 0 and len(run.logged("alarms")) == 3


def test_a_line_cut_short_is_left_out_and_the_next_begins_anew(tmp_path):
    path = tmp_path / "log" / "a.jsonl"
    journal.append(path, {"n": 0})
    with path.open("ab") as file:
        file.write(b'{"n": 1, "te')
    journal.append(path, {"n": 2})
    assert [line["n"] for line in journal.read(path)] == [0, 2]


def test_writers_killed_beside_each_other_lose_nothing_they_told(tmp_path):
    run = Run.create(tmp_path / "run", {})
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(run.path), name], stdout=subprocess.PIPE, text=True)
               for name in "ab"]  # fmt: skip
    for writer in writers:
        while int(writer.stdout.readline()) < 20:
            pass
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
    told = {
        name: [*range(21), *map(int, writer.communicate()[0].split())]
        for name, writer in zip("ab", writers, strict=True)
    }
    for name, numbers in told.items():
        kept = [line["n"] for line in run.logged("alarms") if line["writer"] == name]
        assert kept == list(range(len(kept))) and set(numbers) <= set(kept)


def test_threads_do_not_mix_their_lines(tmp_path):
    run = Run.create(tmp_path / "run", {})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: run.log("alarms", {"n": n, "text": "y" * 5000}), range(100)))
    assert sorted(line["n"] for line in run.logged("alarms")) == list(range(100))


def test_what_cannot_be_written_is_said(tmp_path, monkeypatch):
    run = Run.create(tmp_path / "run", {})
    with pytest.raises(RunError, match="not strict JSON"):
        run.log("alarms", {"value": float("nan")})
    with pytest.raises(RunError, match="name"):
        run.log("../alarms", {})
    run.log("alarms", {"n": 0})
    monkeypatch.setattr(journal.os, "write", lambda handle, data: len(data) // 2)
    with pytest.raises(DiskFullError, match="no room"):
        run.log("alarms", {"n": 1})
    monkeypatch.undo()
    run.log("alarms", {"n": 2})
    assert [line["n"] for line in run.logged("alarms")] == [0, 2]
    assert json.loads((run.path / "log" / "alarms.jsonl").read_text().splitlines()[0]) == {"n": 0}
    assert not any(p.name.startswith(disk.TEMPORARY) for p in run.path.rglob("*"))
