"""Prompts from every kind of file, as they are; and every wrong thing named with its place."""

import csv
import io
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forepath.apps.prompts import prompt_of, read_prompts
from forepath.errors import PromptError

TEXTS = ["  Once upon a time,\n", "Recipe: “Lemon cake”\tby Zoë 🍋 ", "a,b;\"c\"\r\nd\u2028e\x0b"]  # fmt: skip
ROWS = [{"prompt": t, "kind": k, "n": i} for i, (t, k) in enumerate(zip(TEXTS, "abc", strict=True))]


def write(path, rows):
    """Rows as the suffix of `path` asks."""
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_bytes("\n".join(r["prompt"].replace("\\", "\\\\").replace("\n", "\\n") for r in rows).encode())
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet", ".txt"])
def test_texts_come_as_they_are_from_every_kind(tmp_path, suffix):
    read = read_prompts(write(tmp_path / f"p{suffix}", ROWS))
    assert [p.text for p in read] == TEXTS
    assert [p.id for p in read] == [prompt_of(t).id for t in TEXTS]
    if suffix == ".csv":
        assert read[1].extra == {"kind": "b", "n": "1"}
    elif suffix != ".txt":
        assert read[1].extra == {"kind": "b", "n": 1}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip), min_size=1, max_size=5, unique=True)
)
def test_any_text_survives_lines_csv_and_json(tmp_path, texts):
    rows = [{"prompt": t} for t in texts]
    for suffix in (".json", ".jsonl", ".parquet"):
        assert [p.text for p in read_prompts(write(tmp_path / f"x{suffix}", rows))] == texts
    lines = [t for t in texts if not t.endswith("\r")]  # a line's own end; write such a text as JSON
    if lines:
        got = read_prompts(write(tmp_path / "x.txt", [{"prompt": t} for t in lines]))
        assert [p.text for p in got] == [t.removeprefix("\ufeff") if i == 0 else t for i, t in enumerate(lines)]


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_bare_strings(tmp_path, suffix):
    assert [p.text for p in read_prompts(write(tmp_path / f"p{suffix}", TEXTS))] == TEXTS


def test_lines_decode_breaks_and_pass_over_blank_lines(tmp_path):
    (tmp_path / "p.txt").write_bytes("\ufeffOne\\nTwo\r\n\n  \nC:\\\\new \\t\n".encode())
    assert [p.text for p in read_prompts(tmp_path / "p.txt")] == ["One\nTwo", "C:\\new \\t"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"text": "a", "k": NaN}\n{"text": "b"}\n', ["a", "b"]),
        ('one\n"two"\n', ["one", '"two"']),
        ("{not json}", ["{not json}"]),
    ],
)
def test_standard_input_is_lines_or_json_lines(monkeypatch, text, expected):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    read = read_prompts("-")
    assert [p.text for p in read] == expected
    assert read[0].extra in ({}, {"k": None})


def test_equal_texts_are_one_and_counted_and_limit_counts_different_ones(tmp_path):
    path = write(tmp_path / "p.json", ["a", "b", "a", "a", "c"])
    assert [(p.text, p.copies) for p in read_prompts(path)] == [("a", 3), ("b", 1), ("c", 1)]
    assert [(p.text, p.copies) for p in read_prompts(path, limit=2)] == [("a", 3), ("b", 1)]
    assert len(read_prompts(path, limit=99)) == 3


def test_column_and_template(tmp_path):
    path = write(tmp_path / "p.jsonl", [{"title": "Cake {x}", "by": "Zoë", "stars": 4.5}])
    assert read_prompts(path, column="title")[0].extra == {"by": "Zoë", "stars": 4.5}
    for column, template, text, extra in (
        ("title", "Recipe: {prompt}\n", "Recipe: Cake {x}\n", {"by", "stars"}),
        (None, "{{{title}}} by {by}, {stars}", "{Cake {x}} by Zoë, 4.5", {"title", "by", "stars"}),
        ("by", "{title} by {prompt}", "Cake {x} by Zoë", {"title", "stars"}),
    ):
        prompt = read_prompts(path, column=column, template=template)[0]
        assert (prompt.text, set(prompt.extra)) == (text, extra)


@pytest.mark.parametrize(
    ("name", "data", "options", "says"),
    [
        ("p.txt", b"", {}, "holds no prompt"),
        ("p.txt", b"\n \n", {}, "holds no prompt"),
        ("p.json", b"[]", {}, "holds no prompt"),
        ("p.csv", b"", {}, "holds no prompt"),
        ("p.txt", b"good\nb\xe4d", {}, r"byte 6 \(0xe4, line 2\)"),
        ("p.csv", b"name,kind\na,b\n", {}, r"which column is the prompt\? There are name, kind"),
        ("p.csv", b"How to bake\nHow to fry\n", {}, "There are How to bake"),
        ("p.csv", b"title,kind\na,b\n", {"column": "titel"}, "line 2: no column 'titel'.*; did you mean 'title'"),
        ("p.csv", b'prompt,k\n"a\na",b\n"a\na\na",b,c\n', {}, "line 4: 3 cells under 2 columns"),
        ("p.csv", b"prompt,k\na,b\na,b,c\n", {}, "line 3: 3 cells under 2 columns"),
        ("p.csv", b'prompt,k\n"a"b,c\n', {}, "line 2 is not CSV"),
        ("p.csv", b"prompt,k\n,c\n", {}, "line 2: the prompt is empty"),
        ("p.csv", b"prompt,prompt\n", {}, "two columns of one name"),
        ("p.jsonl", b'"a"\n\n{"prompt": \n', {}, "line 3 is not JSON"),
        ("p.jsonl", b"3\n", {}, "line 1 is int"),
        ("p.jsonl", b"[" * 100_000, {}, "line 1 is not JSON"),
        ("p.jsonl", b'{"prompt": 7}\n', {}, "line 1: prompt is 7, not a text"),
        ("p.jsonl", b'{"prompt": null}\n', {}, "line 1: prompt is empty"),
        ("p.jsonl", b'{"prompt": " "}\n', {}, "line 1: the prompt is empty"),
        ("p.jsonl", b'"a\\ud800"\n', {}, "surrogate pair at character 1"),
        ("p.json", b'{"prompt": "a"}', {}, "holds dict, not a list"),
        ("p.json", b'["a", ["b"]]', {}, "item 2 is list"),
        ("p.json", b"[", {}, "is not JSON"),
        ("p.parquet", b"PAR1 nonsense PAR1", {}, "is not readable Parquet"),
        ("p.docx", b"", {}, r"unknown kind of file '\.docx'; give \.txt, \.csv, \.jsonl, \.json, \.parquet or -"),
        ("p.txt", b"a", {"limit": 0}, "limit is 0"),
        ("p.txt", b"a", {"template": "Recipe"}, "names no column"),
        ("p.txt", b"a", {"template": "{prompt"}, "for a brace itself"),
        ("p.txt", b"a", {"template": "{}"}, "column's name alone"),
        ("p.txt", b"a", {"template": "{prompt!r}"}, "column's name alone"),
        ("p.txt", b"a", {"template": "{prompt.__class__}"}, r"no column 'prompt\.__class__'"),
        ("p.txt", b"a", {"column": "title"}, "no column 'title'; there are 'prompt'"),
    ],
)  # fmt: skip
def test_every_wrong_thing_is_named_with_its_place(tmp_path, name, data, options, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PromptError, match=says):
        read_prompts(tmp_path / name, **options)


def test_files_that_are_not(tmp_path):
    with pytest.raises(PromptError, match="does not exist"):
        read_prompts(tmp_path / "none.txt")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(PromptError, match="is a directory"):
        read_prompts(tmp_path / "dir.csv")


def test_a_bad_row_after_the_limit_is_not_read(tmp_path):
    (tmp_path / "p.csv").write_text("prompt,k\na,b\nb,c\nc\n")
    assert len(read_prompts(tmp_path / "p.csv", limit=1)) == 1
    with pytest.raises(PromptError):
        read_prompts(tmp_path / "p.csv")
