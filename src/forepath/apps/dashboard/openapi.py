"""The description of the API, for the page's types: `python -m forepath.apps.dashboard.openapi > web/openapi.json`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from forepath.apps.dashboard.application import open_app
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.keys import Keys
from forepath.apps.dashboard.library import Library


def describe() -> dict[str, Any]:
    """OpenAPI of every route: what a change of the server means for the page shows in its diff."""
    with tempfile.TemporaryDirectory() as empty:
        app = open_app(Library(Path(empty)), Keys(), "visit", Engine())
        found = app.openapi()
    return {"openapi": found["openapi"], "info": {"title": "forepath dashboard", "version": "0"},
            "paths": found["paths"], "components": found["components"]}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1, ensure_ascii=False))
