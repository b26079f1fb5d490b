"""The tutorial's code runs as it is printed, and every option that the pages name is there."""

import re
from pathlib import Path

import pytest
from small_judge import QUICK

from forepath.apps.judging import rivals

ROOT = Path(__file__).parents[3]


def test_the_code_of_the_tutorial_runs(judged, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rivals, "_MAKERS", QUICK)
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "claim.md").read_text(), re.S)
    block = block.replace('"runs/claim"', repr(str(judged[0])))
    block = block.replace('Options(by="kind")', 'Options(seeds=2, by="author", budget=50.0)')
    exec(compile(block, "claim.md", "exec"), {})
    assert re.match(r"-?\d\.\d{3} \[-?\d\.\d{3}, -?\d\.\d{3}\] nats, q ", capsys.readouterr().out)
    assert (tmp_path / "claim.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("page", ["claim.md", "judge.md"])
def test_the_commands_of_the_pages_know_their_options(page):
    text = (ROOT / "docs" / page).read_text()
    commands = re.findall(r"^forepath (\w+)(.*)$", text, re.M)
    assert commands
    for command, rest in commands:
        known = (ROOT / "tests" / "golden" / "cli" / f"{command}.txt").read_text()
        for option in re.findall(r"(?<= )--?[a-z-]+", rest.partition("#")[0]):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", known), (command, option)
    if page == "judge.md":
        known = (ROOT / "tests" / "golden" / "cli" / "judge.txt").read_text()
        assert all(o in known for o in re.findall(r"`(--(?!set|group)[a-z-]+)", text))
