"""A run directory: order, resume, refusal of what does not fit, damage found, room and rights."""

import errno
import io
import json
import os
import random
import resource
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from forepath.errors import DiskFullError, RunCorruptError, RunError, RunIncompleteError, RunVersionError
from forepath.store import VERSION, Run
from forepath.store import disk as disk_module

CONFIG = {"seed": 3, "policy": {"stop": ["###"], "temperature": 1.0}}


def shard(i: int, rows: int = 3) -> tuple[list[str], pa.Table, dict[str, np.ndarray]]:
    rng = np.random.default_rng(i)
    table = pa.table({"item": [f"item-{i:03d}"] * rows, "row": pa.array(range(rows), pa.int32())})
    return [f"item-{i:03d}"], table, {"resid.0": rng.normal(size=(rows, 5)), "logits": rng.normal(size=(rows, 4))}


def fill(run: Run, numbers) -> None:
    for i in numbers:
        items, table, arrays = shard(i)
        run.append("acts", items, table, arrays, {"logits": "bfloat16"})


def contents(path: Path) -> dict[str, bytes]:
    """Every file that must be the same in two runs of one config: all but run.json (the date) and the lock."""
    return {
        str(p.relative_to(path)): p.read_bytes()
        for p in sorted(path.rglob("*"))
        if p.is_file() and p.name not in ("run.json", ".lock")
    }


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", CONFIG)


def test_rows_come_in_the_order_of_items_however_they_were_written(tmp_path):
    one, two = Run.create(tmp_path / "one", CONFIG), Run.create(tmp_path / "two", CONFIG)
    fill(one, [4, 0, 2, 1, 3])
    fill(two, range(5))
    assert one.table("acts").equals(two.table("acts"))
    assert one.table("acts")["item"].to_pylist() == [f"item-{i:03d}" for i in range(5) for _ in range(3)]
    np.testing.assert_array_equal(one.arrays("acts", "resid.0"), two.arrays("acts", "resid.0"))
    expected = np.concatenate([shard(i)[2]["resid.0"] for i in range(5)]).astype(np.float32)
    np.testing.assert_array_equal(one.arrays("acts", "resid.0"), expected)
    assert contents(one.path) == contents(two.path)
    assert one.array_names("acts") == ("logits", "resid.0")


def test_equal_tables_give_equal_files_whatever_their_chunks(tmp_path):
    _, table, _ = shard(0, 4)
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)]).replace_schema_metadata({"made": "today"})
    for name, t in (("one", table), ("two", chunked)):
        Run.create(tmp_path / name, CONFIG).append("acts", ["a"], t)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_shard_written_twice_is_left_alone_and_resume_is_a_set_difference(run):
    fill(run, [0, 1])
    before = {p: p.stat().st_mtime_ns for p in run.path.rglob("data/*")}
    fill(run, [0, 1])
    assert {p: p.stat().st_mtime_ns for p in run.path.rglob("data/*")} == before
    assert {f"item-{i:03d}" for i in range(4)} - run.done("acts") == {"item-002", "item-003"}
    assert run.done("segments") == set()


def test_another_process_sees_what_was_committed(run):
    fill(run, [0])
    reader = Run.open(run.path)
    assert reader.done("acts") == {"item-000"} and reader.config == CONFIG and reader.created == run.created
    fill(run, [1])
    assert reader.done("acts") == {"item-000", "item-001"}


def test_families_do_not_see_each_other(run):
    _, table, _ = shard(0)
    run.append("segments", ["a"], table)
    version = "segments-0123456789abcdef"  # as long as the id of a shard
    run.append(version, ["a"], table.slice(0, 1))
    assert run.families() == ("segments", version)
    assert (run.table("segments").num_rows, run.table(version).num_rows) == (3, 1)
    assert run.query(f'SELECT count(*) AS n FROM "{version}"').to_pylist() == [{"n": 1}]
    assert run.gc() == [] and run.verify() == 2


@pytest.mark.parametrize(
    ("family", "items", "arrays", "dtypes", "says"),
    [
        ("acts", ["item-000", "new"], {}, {}, "another composition"),
        ("new", [], {}, {}, "one or more"),
        ("new", ["a", "a"], {}, {}, "different work items"),
        ("new", ["a"], {"x": np.zeros((2, 2))}, {}, "one row for each"),
        ("new", ["a"], {"x": np.zeros(())}, {}, "one row for each"),
        ("new", ["a"], {"x": np.zeros((3, 2))}, {"x": "int8"}, "int8"),
        ("new", ["a"], {"x": np.full((3, 2), 1e6)}, {"x": "float16"}, "6 finite values do not fit"),
        ("acts", ["a"], {}, {}, "another family"),
        ("acts", ["a"], {"resid.0": np.zeros((3, 6)), "logits": np.zeros((3, 4))}, {}, "another family"),
        ("../up", ["a"], {}, {}, "cannot name"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_changes_nothing(run, family, items, arrays, dtypes, says):
    fill(run, [0])
    before = contents(run.path)
    with pytest.raises(RunError, match=says):
        run.append(family, items, shard(1)[1], arrays, dtypes)
    assert contents(run.path) == before


def test_reading_what_is_not_there_says_what_is(run):
    with pytest.raises(RunIncompleteError, match="forepath resume"):
        run.table("acts")
    with pytest.raises(RunIncompleteError, match="no codebook yet"):
        run.read_document("codebook")
    fill(run, [0])
    with pytest.raises(RunError, match=r"no column 'x'; it has item, row"):
        run.table("acts", ["x"])
    with pytest.raises(RunError, match=r"no array 'x'; it has logits, resid\.0"):
        run.arrays("acts", "x")
    assert run.table("acts", ["row"]).column_names == ["row"]


def test_opening_what_is_not_a_run(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    for name, says in (("none", "does not exist"), ("file", "is a file"), ("other", "has no run.json")):
        with pytest.raises(RunError, match=says):
            Run.open(tmp_path / name)
    for name in ("file", "other"):
        with pytest.raises(RunError, match="not empty and not a run"):
            Run.create(tmp_path / name, CONFIG)
    assert (tmp_path / "other" / "thesis.tex").read_text() == "x"


def test_creating_twice_goes_on_and_another_config_is_refused_by_name(run):
    fill(run, [0])
    assert Run.create(run.path, CONFIG).done("acts") == {"item-000"}
    with pytest.raises(RunError, match=r"seed: 3 there, 4 asked"):
        Run.create(run.path, {**CONFIG, "seed": 4})
    with pytest.raises(RunError, match="not plain JSON"):
        Run.create(run.path.with_name("nan"), {"x": float("nan")})


@pytest.mark.parametrize(
    ("version", "error"), [(VERSION + 1, RunVersionError), (0, RunVersionError), (None, RunCorruptError)]
)
def test_versions_not_known_are_refused_naming_both(run, version, error):
    manifest = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**manifest, "version": version}))
    with pytest.raises(
        error, match=f"{version}.*formats 1 to {VERSION}" if version is not None else "no format version"
    ):
        Run.open(run.path)


def test_a_torn_manifest_is_corrupt(run):
    (run.path / "run.json").write_text('{"version": 1, "con')
    with pytest.raises(RunCorruptError, match=r"run\.json"):
        Run.open(run.path)


def test_documents_and_folders_are_replaced_whole(run):
    run.write_document("codebook", {"themes": ["Küche", "end"]})
    run.write_document("codebook", {"themes": ["a"]})
    assert run.read_document("codebook") == {"themes": ["a"]} and run.has("codebook")
    for text in ("one", "two"):
        with run.write_folder("forecaster") as folder:
            (folder / "sub").mkdir()
            (folder / "sub" / f"{text}.txt").write_text(text)
    assert [p.name for p in run.folder("forecaster").rglob("*.txt")] == ["two.txt"]
    with pytest.raises(ValueError, match="stop"), run.write_folder("forecaster") as folder:
        (folder / "three.txt").write_text("3")
        raise ValueError("stop")
    assert [p.name for p in run.folder("forecaster").rglob("*.txt")] == ["two.txt"]
    assert run.verify() == 2 and run.gc() == []


def test_documents_that_cannot_be(run):
    with pytest.raises(RunError, match="as null"):
        run.write_document("scores", {"ece": float("nan")})
    for name in ("run", "data", "commit", "a/b", "A", "", "x-0123456789abcdef"):
        with pytest.raises(RunError, match="name"):
            run.write_document(name, {})
    with pytest.raises(RunError, match="empty"), run.write_folder("forecaster"):
        pass
    with pytest.raises(RunError, match="is a link"), run.write_folder("forecaster") as folder:
        (folder / "x").symlink_to("/etc/hostname")
    run.write_document("scores", {})
    with pytest.raises(RunError, match=r"is scores\.json, not scores/"):
        run.folder("scores")
    assert not run.has("forecaster")


def test_only_the_owner_can_read(run):
    fill(run, [0])
    run.write_document("codebook", {})
    with run.write_folder("forecaster") as folder:
        (folder / "w.bin").write_bytes(b"x")
        (folder / "w.bin").chmod(0o644)
    for path in (run.path, *run.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_room_is_light_to_import():
    code = "import forepath.store, sys; print({'pyarrow', 'duckdb', 'torch', 'pandas'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


# --- damage ---


def whole(path: Path) -> Run:
    run = Run.create(path, CONFIG)
    fill(run, range(3))
    run.write_document("codebook", {"themes": ["a", "b"]})
    with run.write_folder("forecaster") as folder:
        (folder / "weights.bin").write_bytes(bytes(64))
    return run


def test_verify_finds_one_flipped_bit_in_any_committed_file(tmp_path):
    run = whole(tmp_path / "run")
    assert run.verify() == 8
    draw = random.Random(0)
    for path in sorted(p for p in run.path.rglob("*") if p.is_file() and p.name not in ("run.json", ".lock")):
        good = path.read_bytes()
        for _ in range(5):
            bad = bytearray(good)
            bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
            path.write_bytes(bad)
            with pytest.raises((RunCorruptError, RunVersionError)):
                run.verify()
        path.write_bytes(good)
        assert run.verify() == 8


def test_verify_finds_an_edited_config_a_missing_file_and_an_item_held_twice(tmp_path):
    run = whole(tmp_path / "run")
    text = (run.path / "run.json").read_text()
    (run.path / "run.json").write_text(text.replace('"seed": 3', '"seed": 4'))
    with pytest.raises(RunCorruptError, match="not of this run's config"):
        Run.open(run.path).verify()
    (run.path / "run.json").write_text(text)
    other = Run.create(tmp_path / "other", CONFIG)
    other.append("acts", ["item-000", "x"], *shard(0)[1:], {"logits": "bfloat16"})
    for source in other.path.glob("*/acts*"):
        (run.path / source.relative_to(other.path)).write_bytes(source.read_bytes())
    with pytest.raises(RunCorruptError, match="item-000 of acts is committed twice"):
        run.verify()
    next(run.path.glob("data/acts*.parquet")).unlink()
    with pytest.raises(RunCorruptError, match="is missing"):
        run.verify()


@pytest.mark.parametrize("suffix", [".parquet", ".safetensors"])
def test_a_torn_file_is_never_read_as_data(tmp_path, suffix):
    run = whole(tmp_path / "run")
    path = next(run.path.glob(f"data/*{suffix}"))
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(RunCorruptError, match="its commit record says"):
        run.table("acts") if suffix == ".parquet" else run.arrays("acts", "logits")
    path.write_bytes(path.read_bytes() + b"7 bytes")  # the right size, the wrong bytes
    with pytest.raises(RunCorruptError):
        run.verify()


def test_damaged_documents_are_refused_when_read(tmp_path):
    run = whole(tmp_path / "run")
    (run.path / "codebook.json").write_text("{}")
    with pytest.raises(RunCorruptError, match=r"delete commit/codebook\.json"):
        run.read_document("codebook")
    (run.path / "forecaster" / "weights.bin").write_bytes(bytes(63) + b"\1")
    with pytest.raises(RunCorruptError, match="does not match its sha256"):
        run.folder("forecaster")
    run.write_document("codebook", {"themes": ["a", "b"]})  # writing again repairs
    assert run.read_document("codebook") == {"themes": ["a", "b"]}


def test_what_no_record_names_does_not_exist_and_is_swept(tmp_path):
    run = whole(tmp_path / "run")
    for commit in sorted(run.path.glob("commit/acts*"))[:1]:
        commit.unlink()
    (run.path / ".tmp-1-codebook.json").write_text("torn")
    (run.path / "commit" / ".tmp-1-x.json").write_text("torn")
    reader = Run.open(run.path)
    assert len(reader.done("acts")) == 2 and reader.table("acts").num_rows == 6
    assert len(reader.gc()) == 4
    assert reader.gc() == [] and reader.verify() == 6
    fill(reader, range(3))
    assert contents(run.path) == contents(whole(tmp_path / "fresh").path)


# --- one writer ---


def test_one_writer_and_a_dead_one_holds_nothing(run):
    code = f"""
        import sys
        from forepath.store import Run
        with Run.open({str(run.path)!r}).lock():
            print("held", flush=True)
            sys.stdin.read()
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdin=-1, stdout=-1, text=True)
    with child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"written by process {child.pid}"):
            fill(run, [0])
        child.kill()
    with run.lock(), run.lock():
        fill(run, [0])
    assert run.done("acts") == {"item-000"}


# --- no room ---


class FullDisk(io.FileIO):
    """A file on a disk with room for `room` more bytes."""

    room = 0

    def write(self, data):
        if len(data) > FullDisk.room:
            super().write(memoryview(data)[: FullDisk.room])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        FullDisk.room -= len(data)
        return super().write(data)


def test_a_full_disk_loses_nothing_committed_wherever_it_fills(tmp_path, monkeypatch):
    run = whole(tmp_path / "run")
    before = contents(run.path)
    monkeypatch.setattr(disk_module.os, "fdopen", FullDisk)
    needed = 0
    for room in (0, 10, 600, 1200, 1600, 2000, 2400):
        FullDisk.room = room
        try:
            fill(run, [7])
        except DiskFullError as error:
            needed += 1
            assert "nothing committed was lost" in str(error) and "forepath resume" in str(error)
            assert {k: v for k, v in contents(run.path).items() if k in before} == before
            assert not any(".tmp-" in name for name in contents(run.path))
    assert needed >= 4, "the disk was never full: this test tests nothing"
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(DiskFullError, match=r"\.lock"):
        fill(run, [8])
    monkeypatch.undo()
    with run.lock():  # the failed one let go
        monkeypatch.setattr(disk_module.os, "fdopen", FullDisk)
    for room in range(0, 400, 40):  # the document fits, its record does not
        FullDisk.room = room
        with pytest.raises(DiskFullError):
            run.write_document("codebook", {"themes": ["c"]})
        assert run.read_document("codebook") == {"themes": ["a", "b"]}
    monkeypatch.undo()
    fill(run, [7])
    run.verify()


def test_a_real_limit_on_file_size_is_a_full_disk(run):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    table = pa.table({"x": [0] * 3})
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
        with pytest.raises(DiskFullError):
            run.append("acts", ["a"], table, {"x": np.ones((3, 1000))})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert run.done("acts") == set()
    run.append("acts", ["a"], table, {"x": np.ones((3, 1000))})
    assert run.verify() == 2


def test_a_directory_that_cannot_be_written_says_so(run, monkeypatch):
    def denied(*args):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(disk_module.os, "open", denied)
    with pytest.raises(RunError, match=r"cannot write .*Permission denied; check"):
        run.write_document("codebook", {})


# --- SQL ---


def test_query_joins_families_and_reaches_nothing_else(run, tmp_path):
    fill(run, range(3))
    run.append("segments-b0", ["a"], pa.table({"item": ["item-001"], "theme": ["plan"]}))
    sql = "SELECT count(*) AS n FROM acts JOIN \"segments-b0\" USING (item) WHERE theme = 'plan'"
    assert run.query(sql).to_pylist() == [{"n": 3}]
    before = contents(run.path)
    for wicked in (
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        f"COPY (SELECT 1) TO '{run.path}/data/x.csv'",
        f"ATTACH '{tmp_path}/x.db'",
        "INSTALL httpfs",
        "SET enable_external_access=true",
        "SELECT * FROM before",
        "",
        "nonsense",
    ):
        with pytest.raises(RunError, match="query"):
            run.query(wicked)
    assert contents(run.path) == before


def test_a_run_begun_appears_whole_or_not_at_all(tmp_path):
    def torn(run):
        fill(run, [0])
        raise KeyboardInterrupt

    def whole(run):
        fill(run, range(len(run.done("acts")), 2))

    with pytest.raises(KeyboardInterrupt):
        Run.begin(tmp_path / "run", {"seed": 1}, torn)
    assert not (tmp_path / "run").exists()
    run = Run.begin(tmp_path / "run", {"seed": 1}, whole)
    assert len(run.done("acts")) == 2 and run.path == tmp_path / "run"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert len(Run.begin(tmp_path / "run", {"seed": 1}, whole).done("acts")) == 2
    with pytest.raises(RunError, match="seed: 1 there, 2 asked"):
        Run.begin(tmp_path / "run", {"seed": 2}, whole)
    (tmp_path / "empty").mkdir()
    assert len(Run.begin(tmp_path / "empty", {}, whole).done("acts")) == 2
