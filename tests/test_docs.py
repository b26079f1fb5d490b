"""The docs keep up with the code."""

import inspect
import re
from pathlib import Path

from forepath import errors

DOCS = Path(__file__).parents[1] / "docs"
CLASSES = {n for n, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.ForepathError)}


def test_every_error_has_its_row():
    rows = set(re.findall(r"^\| `(\w+)`", (DOCS / "errors.md").read_text(), re.M))
    assert rows == CLASSES - {"ForepathError"}


def test_the_drawn_tree_is_the_real_one():
    drawn = set(re.findall(r"^\s*(\w+Error)\b", errors.__doc__, re.M))
    assert drawn == CLASSES


def test_every_page_is_in_the_menu_and_exists():
    menu = set(re.findall(r"[\w/-]+\.md", (DOCS.parent / "mkdocs.yml").read_text()))
    assert menu == {str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md")}
