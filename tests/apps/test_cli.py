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
    "judge",
    "show",
    "demo",
    "prompts",
    "verify",
    "monitor",
    "dash",
    "serve",
    "intervene",
    "compare",
    "decide",
    "sweep",
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
        (("prompts", "library"), 2, "--data FILE"),
        (("prompts", "library", "--data", "/nowhere.gz"), 2, "/nowhere.gz"),
        (("run", "--subject", "documents", "--prompts", "-", "--out", "/tmp/never", "--set", "stop=[1]"), 2,
         "JSON list"),
        (("run", "--subject", "documents", "--prompts", "-", "--out", "/tmp/never", "--set", "labeller=endpoint"), 2,
         "endpoint=URL"),
        (("run", "--subject", "documents", "--prompts", "-", "--out", "/tmp/never", "--group", "author"), 2,
         "to group it by"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_an_exit_code(words, code, message):
    done = forepath(*words, stdin="".join(f"prompt {i}\n" for i in range(40)))
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (code, 1), done.stderr
    assert message in done.stderr and done.stderr.startswith("forepath: ") and not done.stdout
    assert not Path("/tmp/never").exists()


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [("KeyboardInterrupt()", 130, "interrupted; what was committed is kept, `forepath resume /tmp/never` goes on"),
     ("DiskFullError('no room; free 3 MB')", 3, "free 3 MB"),
     ("LabellerError('none of 3 texts')", 3, "none of 3 texts"),
     ("OSError(errno.ENOSPC, 'No space left on device')", 3, "no room to write"),
     ("InputError('odd')", 2, "odd"), ("SubjectError('mute')", 1, "mute")],
)  # fmt: skip
def test_what_stops_a_run_is_one_line_and_its_exit_code(raised, code, says):
    program = (
        "import errno; from forepath.errors import *; from forepath.apps import pipeline, prompts\n"
        f"def stop(*_, **__): raise {raised}\n"
        "pipeline.run = stop; prompts.read_prompts = lambda *_, **__: []\n"
        "from forepath.apps.cli import main; main()"
    )
    words = ["run", "--subject", "documents", "--prompts", "x.txt", "--out", "/tmp/never"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (code, 1), done.stderr
    assert says in done.stderr and done.stderr.startswith("forepath: ")


def test_ctrl_c_in_a_short_command_is_130_too():
    program = (
        "from forepath.apps import runs\n"
        "def stop(*_, **__): raise KeyboardInterrupt\n"
        "runs.open_run = stop\n"
        "from forepath.apps.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program, "score", "x"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "forepath: interrupted\n")


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
