"""Codebooks on disk and from users; patterns that would hang."""

import json
import time

import pytest

from forepath.errors import CodebookError
from forepath.themes.codebook import Codebook, Decoding, Theme
from forepath.themes.patterns import PIECE, compiled, count


def test_round_trip_keeps_content_and_id(tmp_path):
    book = Codebook(
        (Theme("plan", "what comes", ("Tomorrow we go.",)), Theme("naïve – joke", share=0.25)),
        decoding=Decoding(20.0, 0.2, 0.1),
        checks={"segments": 3},
    )
    book.save(tmp_path / "book.json")
    again = Codebook.load(tmp_path / "book.json")
    assert again.to_json() == book.to_json()
    assert again.id == book.id
    assert [p.name for p in tmp_path.iterdir()] == ["book.json"]
    assert Codebook((*book.themes, Theme("x"))).id != book.id
    assert Codebook(book.themes, decoding=book.decoding).id == book.id  # checks decide no label
    assert again.names == ("plan", "naïve – joke", "other", "end")


def book(*themes, **more):
    return {"version": 1, "themes": list(themes), **more}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "a codebook is"),
        ({"version": 1}, "a codebook is"),
        ({"themes": []}, 'no "version"'),
        ({"version": 2, "themes": []}, "version is 2"),
        (book(), "no themes"),
        (book(extra=1), "unknown key 'extra'"),
        (book("plan"), "theme 1"),
        (book({"name": "a"}, {"name": " "}), "theme 2 has an empty name"),
        (book({"name": "a"}, {"name": "end"}), "theme 2, 'end'.*reserved"),
        (book({"name": "Other"}), "reserved"),
        (book({"name": "a"}, {"name": "b"}, {"name": "A "}), "theme 3, 'A '.*theme 1"),
        (book({"name": "a", "pattern": "x"}), "unknown key 'pattern'"),
        (book({"name": "a", "patterns": "x"}), "patterns is 'x'"),
        (book({"name": "a", "examples": [1]}), "examples is"),
        (book({"name": "a", "description": 3}), "description is 3"),
        (book({"name": "a", "share": "x"}), "share is 'x'"),
        (book({"name": "a", "patterns": ["(ab"]}), r"theme 1, 'a'.*\(ab.*no regular expression"),
        (book({"name": "a", "patterns": ["x*"]}), "empty text"),
        (book({"name": "a", "patterns": ["(x+)+y"]}), "very long"),
        (book({"name": "a"}, decoding={"speed": 1}), "decoding"),
        (book({"name": "a"}, decoding={"switch": 0}), "decoding"),
        (book({"name": "a"}, decoding=[1]), "decoding"),
        (book({"name": "a"}, embedder=3), "embedder is 3"),
    ],
)
def test_wrong_codebooks_say_what_and_where(data, says, tmp_path):
    path = tmp_path / "book.json"
    path.write_text(json.dumps(data))
    with pytest.raises(CodebookError, match=says) as error:
        Codebook.load(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_files_that_are_not_json(content, tmp_path):
    path = tmp_path / "book.json"
    path.write_bytes(content)
    with pytest.raises(CodebookError, match="is not JSON"):
        Codebook.load(path)


def test_missing_file(tmp_path):
    with pytest.raises(CodebookError, match=r"none\.json cannot be read"):
        Codebook.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|a)*b", "(a|aa)+$", "(.*)*x", r"(\w+\s?)+:", "a?" * 30 + "a" * 30, ".*.*.*=", "(a{1,9}){1,9}b",
     "x(?=(a+)+b)", "(?P<q>a*)*b", "(?:(?:a?){20}){20}b", "(a*)(a*)(a*)b"],
)  # fmt: skip
def test_patterns_that_could_hang_are_refused(pattern):
    with pytest.raises(CodebookError, match="very long"):
        compiled(pattern, "theme 'x'")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"a*b?a*c", "a"),
        (r"(\w+)\s.*!", "ab "),
        (r".*\w+[.]x", "w"),
        (r"(?:ab|ba)++c", "ab"),
        (r"\b(?:stars?|points?|score[sd]?)\b", "stars "),
        (r"a?a?a?a?a?a?a?aaaaaaab", "a"),
        (r"[a-z]{1,40}[a-z]{1,40}\d", "a"),
    ],
)
def test_admitted_patterns_end_soon_on_hostile_text(pattern, text):
    regex = compiled(pattern, "theme 'x'")
    began = time.process_time()
    count((regex,), (text * PIECE)[:PIECE])
    assert time.process_time() - began < 3


def test_a_refused_pattern_does_hang():
    """The refusal is no superstition: each further letter doubles the time."""
    import re

    hang = re.compile("(a+)+b")

    def seconds(n):
        began = time.process_time()
        hang.match("a" * n)
        return time.process_time() - began

    assert seconds(21) > 20 * min(seconds(12) for _ in range(5))


def test_counting_goes_through_long_texts():
    star = compiled("star", "x")
    assert count((star, compiled("sta", "x")), "a star. " * 1000) >= 1980
