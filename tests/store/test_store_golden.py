"""The run format: a committed run of version 1 must stay readable, and be written again to the same bytes.

After a change of format on purpose, write a golden run of the new version beside this one:
`python tests/store/test_store_golden.py tests/golden/run_vN`.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forepath.records import Intervention, Segment, Trajectory
from forepath.store import (
    Prompt,
    Run,
    prompts_from,
    prompts_table,
    segments_table,
    trajectories_from,
    trajectories_table,
    with_segments,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "run_v1"
CONFIG = {"settings": {"seed": 7, "samples": 2, "policy": {"temperature": 0.7, "stop": ["\n\n"]}}, "subject": "f00d"}
PROMPTS = [Prompt("p0", "Recipe: lemon cake\n", {"kind": "recipe"}), Prompt("p1", " Liebes Tagebuch, 🍋 ", {}, 3)]
TRAJECTORIES = [
    Trajectory(
        id=f"{p.id}/{s}", subject="f00d", prompt_id=p.id, prompt=p.text, seed=2**64 - 1 - s,
        tokens=(s, 2, 31999)[: s + 2], text=f"2 eggs…\n\nMix. ({s})", finished=s == 0,
        intervention=Intervention("ablate", "resid.1", {"unit": 3}) if s else None,
        segments=(Segment(0, 7, "ingredients"), Segment(9, 17, "instructions" if s else None)),
    )
    for p in PROMPTS for s in range(2)
]  # fmt: skip
ACTIVATIONS = np.array([[1.0, -2.5, np.pi], [0.0, np.nan, 1e-3]], np.float32)
ROUNDED = np.array([[1.0, -2.5, 3.140625], [0.0, np.nan, 0.00099945068359375]], np.float32)
"""As bfloat16 holds them: 8 bits of mantissa."""


def write_run(path: Path) -> None:
    run = Run.create(path, CONFIG)
    run.append("prompts", ["all"], prompts_table(PROMPTS))
    for i in (1, 0):
        table = pa.table({"prompt_id": [PROMPTS[i].id]})
        arrays = {"resid.0": ACTIVATIONS[i : i + 1], "logits": ACTIVATIONS[i : i + 1]}
        run.append("activations", [f"group-{i}"], table, arrays, {"logits": "bfloat16"})
        run.append("trajectories", [f"group-{i}"], trajectories_table(TRAJECTORIES[2 * i : 2 * i + 2]))
    run.append("segments-c0", ["group-0", "group-1"], segments_table(TRAJECTORIES))
    run.write_document("codebook", {"version": 1, "themes": [{"name": "ingredients"}, {"name": "Schluß"}]})
    run.write_document("scores", {"rows": [{"forecaster": "base_rate", "step": 1, "brier": 0.1, "k_star": None}]})
    with run.write_folder("forecaster") as folder:
        (folder / "forecaster.json").write_text('{"version": 1}\n')


def files(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file() and p.name != ".lock"}


def test_the_golden_run_stays_readable():
    run = Run.open(GOLDEN)
    assert run.verify() == 11
    assert run.config == CONFIG and run.created.endswith("+00:00")
    assert prompts_from(run.table("prompts")) == PROMPTS
    bare = trajectories_from(run.table("trajectories"), {p.id: p.text for p in PROMPTS})
    assert with_segments(bare, run.table("segments-c0")) == TRAJECTORIES
    assert run.table("activations")["prompt_id"].to_pylist() == ["p0", "p1"]
    np.testing.assert_array_equal(run.arrays("activations", "resid.0"), ACTIVATIONS)
    np.testing.assert_array_equal(run.arrays("activations", "logits"), ROUNDED)
    assert run.read_document("codebook")["themes"][1] == {"name": "Schluß"}
    assert run.read_document("scores")["rows"][0]["k_star"] is None
    assert (run.folder("forecaster") / "forecaster.json").read_text() == '{"version": 1}\n'
    assert run.query("SELECT count(*) AS n FROM trajectories").to_pylist() == [{"n": 4}]
    assert not (GOLDEN / ".lock").exists(), "reading must not write"


def test_writing_it_again_gives_the_same_bytes(tmp_path):
    write_run(tmp_path / "run")
    old, new = files(GOLDEN), files(tmp_path / "run")
    manifests = [json.loads(f.pop("run.json")) for f in (old, new)]
    assert [{k: m[k] for k in ("format", "version", "config")} for m in manifests] == [
        {"format": "forepath run", "version": 1, "config": CONFIG}
    ] * 2
    assert set(old) == set(new)
    assert {k: v for k, v in old.items() if ".safetensors" in k} == {
        k: v for k, v in new.items() if ".safetensors" in k
    }
    writers = {pq.read_metadata(next(p.glob("data/*.parquet"))).created_by for p in (GOLDEN, tmp_path / "run")}
    if len(writers) > 1:
        pytest.skip(f"Parquet names its writer, and these are two: {', '.join(sorted(writers))}")
    assert old == new


def test_another_seed_gives_other_names(tmp_path):
    """The comparison above can fail: a config that differs in one number shares no shard."""
    other = Run.create(tmp_path / "run", {**CONFIG, "subject": "beef"})
    other.append("prompts", ["all"], prompts_table(PROMPTS))
    assert not {p.name for p in other.path.glob("data/*")} & {p.name for p in GOLDEN.glob("data/*")}


if __name__ == "__main__":
    write_run(Path(sys.argv[1]))
