"""The rules of the house, as tests: floors, a light front door, no unsafe loading, sizes. Standard library only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "forepath"
FLOORS = [  # a module may import its own room and anything on a lower floor
    {"errors"}, {"records"}, {"protocols"}, {"store", "stats"}, {"checks"}, {"worlds"}, {"subjects"}, {"organisms"},
    {"themes", "forecasters"}, {"monitors", "effects", "mechanisms", "evals", "societies"}, {"investigator"}, {"apps"},
]  # fmt: skip
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = {"torch", "transformers", "pandas", "sklearn", "scipy", "pyarrow", "duckdb", "matplotlib", "rich", "typer"}
UNSAFE = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FILES = sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(tree: ast.AST):
    """Every (dotted name, line) a module imports, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"line {node.lineno} uses a relative import; write 'from forepath...'")
        if isinstance(node, ast.Import):
            yield from ((a.name, node.lineno) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{a.name}", node.lineno) for a in node.names)


def uphill(source: str, room: str) -> list[str]:
    """The imports of `source`, a module of `room`, that do not look down."""
    rooms = [(n.split(".")[1], line) for n, line in imported(ast.parse(source)) if n.startswith("forepath.")]
    return [f"line {line}: {room} imports {r}" for r, line in rooms
            if r in FLOOR and r != room and FLOOR[r] >= FLOOR[room]]  # fmt: skip


def unsafe(source: str) -> list[str]:
    """Uses of anything that can run code from a file."""
    tree = ast.parse(source)
    found = [f"line {line}: imports {name}" for name, line in imported(tree) if name.split(".")[0] in UNSAFE]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in {"torch.load", "torch.save", "eval", "exec"} or any(
                k.arg == "allow_pickle" for k in node.keywords
            ):
                found.append(f"line {node.lineno}: calls {name}")
    return found


def test_every_room_has_a_floor():
    assert {room_of(p) for p in FILES} - {"__init__"} <= set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_keeps_the_house_rules(path):
    source = path.read_text()
    tree = ast.parse(source)
    if room_of(path) != "__init__":
        assert not uphill(source, room_of(path))
    assert not unsafe(source)
    assert source.count("\n") <= 500, "more than one idea?"
    long = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.end_lineno - n.lineno >= 100]
    assert not long, f"functions of more than 100 lines: {long}"
    assert not source.strip() or ast.get_docstring(tree), "opens without saying what it is"


@pytest.mark.parametrize(
    ("source", "room", "check"),
    [
        ("from forepath.forecasters import linear", "themes", uphill),
        ("def f():\n    from forepath.apps import cli", "subjects", uphill),
        ("import forepath.store", "records", uphill),
        ("import pickle", "store", lambda s, r: unsafe(s)),
        ("import torch\ntorch.load('x')", "store", lambda s, r: unsafe(s)),
        ("import numpy as np\nnp.load('x', allow_pickle=True)", "store", lambda s, r: unsafe(s)),
    ],
)
def test_the_rules_catch_planted_violations(source, room, check):
    assert check(source, room)


def test_front_door_is_light():
    code = f"import forepath, sys; print(sorted(({HEAVY!r} | {{'numpy'}}) & set(sys.modules)))"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).strip()
    assert loaded == "[]", f"'import forepath' loaded {loaded}"


@pytest.mark.parametrize("room", ["records", "protocols", "errors"])
def test_the_vocabulary_is_numpy_only(room):
    code = f"import forepath.{room}, sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_public_names_exist_are_sorted_and_do_not_shadow_rooms():
    import forepath

    rooms = {room_of(p) for p in FILES}
    assert not rooms & set(forepath.__all__)
    assert forepath.__all__ == sorted(forepath.__all__)
    for name in forepath.__all__:
        assert getattr(forepath, name).__doc__ or name == "Chain", name


def test_an_unknown_public_name_says_what_there_is():
    import forepath

    with pytest.raises(AttributeError, match="Trajectory"):
        forepath.nonsense  # noqa: B018
