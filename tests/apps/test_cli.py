"""The command line: golden help, exit codes, a start that loads nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden" / "cli"
COMMANDS = (
    "",
    "run",
    "resume",
    "forecast",
    "score",
    "show",
    "demo",
    "prompts",
    "verify",
    "organisms",
    "organisms train",
)


def forepath(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from forepath.apps.cli import main; main()", *words]
    environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    return subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_the_golden_one(command):
    shown = forepath(*command.split(), "--help").stdout.replace("-c ", "forepath ")
    file = GOLDEN / f"{command.replace(' ', '-') or 'forepath'}.txt"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shown)
        pytest.fail(f"{file} was missing and is written now: read it and commit it")
    assert shown == file.read_text()


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['forepath', '--help']\n"
        "from forepath.apps.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'scipy', 'pandas', 'pyarrow', 'duckdb', 'matplotlib', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("score", "/nowhere"), 1, "not a run"),
        (("run", "--subject", "documents", "--prompts", "/nowhere.txt", "--out", "/tmp/never"), 2, "/nowhere.txt"),
        (("run", "--subject", "documents", "--prompts", "-", "--out", "/tmp/never", "--set", "temprature=1"), 2,
         "did you mean temperature"),
        (("run", "--subject", "/no/model", "--prompts", "-", "--out", "/tmp/never"), 1, "/no/model"),
        (("organisms", "train", "nobody"), 2, "nobody"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_an_exit_code(words, code, message):
    done = forepath(*words, stdin="".join(f"prompt {i}\n" for i in range(40)))
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (code, 1), done.stderr
    assert message in done.stderr and done.stderr.startswith("forepath: ") and not done.stdout
    assert not Path("/tmp/never").exists()


def test_hostile_text_cannot_move_the_cursor():
    from forepath.apps.results import dump_json
    from forepath.apps.trees import draw_text, grow

    hostile = "a\x1b[2J\x9b31m\u202eb"
    drawn = "\n".join(draw_text(grow([(hostile, "end")], [0.9])))
    assert not set("\x1b\x9b\u202e") & set(drawn + dump_json({hostile: hostile}))


def test_prompts_of_the_world_are_json_lines():
    import json

    rows = [json.loads(line) for line in forepath("prompts", "documents", "-n", "3").stdout.splitlines()]
    assert len(rows) == 3 and all(r["prompt"].endswith("\n\n") and r["kind"] for r in rows)
