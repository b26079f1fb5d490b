"""Records to tables and back, through a run on disk, for any record."""

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forepath.errors import RunError
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
from forepath.store.parquet import pack, read

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SEGMENTS = st.lists(
    st.builds(Segment, st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1), st.none() | TEXT), max_size=4
).map(tuple)


@st.composite
def trajectories(draw):
    prompts = draw(st.dictionaries(TEXT, TEXT, min_size=1, max_size=3))
    keys = draw(st.lists(st.tuples(st.sampled_from(sorted(prompts)), st.integers(0, 9)), unique=True, max_size=6))
    return [
        Trajectory(
            id=f"{prompt}/{sample}",
            subject=draw(TEXT),
            prompt_id=prompt,
            prompt=prompts[prompt],
            seed=draw(st.integers(0, 2**64 - 1)),
            tokens=tuple(draw(st.lists(st.integers(0, 2**31 - 1), max_size=5))),
            text=draw(TEXT),
            finished=draw(st.booleans()),
            intervention=draw(st.none() | st.builds(Intervention, TEXT, TEXT, st.dictionaries(TEXT, JSON, max_size=2))),
            segments=draw(SEGMENTS),
        )
        for prompt, sample in keys
    ], prompts  # fmt: skip


def through_disk(table, path):
    path.write_bytes(pack(table))
    return read([path])


@settings(deadline=None)
@given(trajectories())
def test_trajectories_and_segments_come_back(tmp_path_factory, drawn):
    records, prompts = drawn
    path = tmp_path_factory.getbasetemp() / "round.parquet"
    bare = trajectories_from(through_disk(trajectories_table(records), path), prompts)
    assert bare == [replace(t, segments=()) for t in records]
    segments = through_disk(segments_table(records), path)
    assert with_segments(bare, segments) == records
    backwards = pa.array(range(segments.num_rows - 1, -1, -1), pa.int64())
    assert with_segments(bare, segments.take(backwards)) == records  # whatever the order
    assert with_segments(records, segments.slice(0, 0)) == bare  # new labels replace the old ones


@settings(deadline=None)
@given(st.lists(st.builds(Prompt, TEXT, TEXT, st.dictionaries(TEXT, JSON, max_size=3), st.integers(1, 99)), max_size=4))
def test_prompts_come_back(tmp_path_factory, prompts):
    path = tmp_path_factory.getbasetemp() / "prompts.parquet"
    assert prompts_from(through_disk(prompts_table(prompts), path)) == prompts


def test_an_id_that_does_not_say_its_sample_is_refused():
    t = Trajectory("a/0", "s", "a", "", 0, (), "", True)
    for bad in ("a", "a/x", "b/0", "a/-1", "a/"):
        with pytest.raises(RunError, match="<prompt_id>/<sample>"):
            trajectories_table([replace(t, id=bad)])


def test_a_prompt_that_is_missing_is_named():
    table = trajectories_table([Trajectory("a/0", "s", "a", "", 0, (), "", True)])
    with pytest.raises(RunError, match=r"prompts \['a'\]"):
        trajectories_from(table, {"b": ""})


def test_relabelling_is_a_new_family_and_leaves_the_samples_alone(tmp_path):
    run = Run.create(tmp_path / "run", {})
    t = Trajectory("a/0", "s", "a", "Q:", 0, (1, 2), "xy", True)
    run.append("trajectories", ["a"], trajectories_table([t]))
    before = {p: p.read_bytes() for p in run.path.rglob("*trajectories*")}
    for book, theme in (("b1", "plan"), ("b2", "rating")):
        run.append(f"segments-{book}", ["a"], segments_table([replace(t, segments=(Segment(0, 2, theme),))]))
    bare = trajectories_from(run.table("trajectories"), {"a": "Q:"})
    assert with_segments(bare, run.table("segments-b2"))[0].chain == ("rating", "end")
    assert {p: p.read_bytes() for p in run.path.rglob("*trajectories*")} == before
