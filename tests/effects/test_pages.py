"""Reports: what hostile text cannot do in them, what they must say."""

import re
from dataclasses import replace

import numpy as np
import pytest

from forepath.effects.comparing import Rules, compare
from forepath.errors import InputError
from forepath.records import Segment, Trajectory

HOSTILE = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">\x1b[2J\u202e```\n# heading | [x](javascript:1)'


def side(themes, prompts=30, samples=4, words=HOSTILE):
    rng = np.random.default_rng(1)
    return [
        Trajectory(f"{p}/{s}", "s", str(p), f"prompt {p} {HOSTILE}", 0, (1, 2), f"{words} {rng.random()}", True,
                   segments=tuple(Segment(i, i + 1, t) for i, t in enumerate(themes)))
        for p in range(prompts) for s in range(samples)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def found():
    bad = f"<b>{HOSTILE}</b>"
    return compare(side([bad, "tip"]), side(["tip", "story"]), targets=[bad], rules=Rules(least=5))


def test_the_page_holds_no_markup_of_the_text_and_nothing_from_elsewhere(found):
    page = found.html("Title <script>")
    assert "<script" not in page and "<img" not in page and "<b>" not in page
    assert not re.search(r"(?:src|href)=|@import|url\(", page.replace("src=x onerror=", ""))
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert not set("\x1b\u202e") & set(page + found.markdown() + found._repr_html_())
    assert page.count("<pre>") == page.count("</pre>") == 3 * len(found.examples) == 15


def test_markdown_keeps_hostile_text_in_its_fence(found):
    lines = found.markdown().splitlines()
    fences = [line for line in lines if re.fullmatch(r"`{4,}(text)?", line)]
    assert len(fences) == 2 * 3 * len(found.examples), "fences are longer than any in the text"
    inside = False
    for line in lines:
        inside ^= bool(re.fullmatch(r"`{4,}(text)?", line))
        assert inside or not line.startswith("# heading")
    rows = [line for line in lines if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {10}, "a theme's name cannot make columns"


def test_both_say_what_moved_what_stayed_and_what_to_doubt(found):
    for report in (found.markdown(), found.html()):
        for said in ("What moved", "What did not move", "Is it still fluent?", "What cannot be told", "What to doubt",
                     "margin", "Benjamini-Hochberg", "Texts that show it best"):  # fmt: skip
            assert said in report
    assert "1 of" not in found.markdown().split("themes moved")[0]
    assert found.doubts and all(d.endswith(".") for d in found.doubts)


def test_nothing_moved_shows_no_examples():
    same = side(["tip", "story"])
    c = compare(same, same, rules=Rules(least=5))
    assert not c.examples and not c.moved and "Nothing." in c.markdown() and "Texts that show" not in c.html()
    assert all(e.same for e in c.effects if e.kind == "theme")


def test_doubts_name_few_prompts_cut_texts_and_missing_partners():
    before = [replace(t, finished=False) for t in side(["tip"], prompts=6)]
    c = compare(before, before[:-2], rules=Rules(least=1))
    said = " ".join(c.doubts)
    assert "Only 6 prompts" in said and "2 trajectories have no partner" in said and "cut off" in said


def test_pictures_and_pages_are_written_or_refused(found, tmp_path):
    assert found.plot(tmp_path / "shifts.png").stat().st_size > 5000
    assert found.write_html(tmp_path / "page.html").read_text().startswith("<!doctype html>")
    with pytest.raises(InputError, match="cannot be written"):
        found.plot("/no/such/folder/a.png")
    with pytest.raises(InputError, match="cannot be written"):
        found.write_html("/no/such/folder/a.html")
