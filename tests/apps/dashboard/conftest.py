"""A small finished run of a model made in the test, and the dashboard over it."""

import shutil

import pytest
from dash_toys import make_run, words
from fastapi.testclient import TestClient

from forepath.apps.dashboard.application import create_app
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.keys import Keys
from forepath.apps.dashboard.library import Library
from forepath.apps.runs import open_run

HOST = "127.0.0.1:8765"


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The path of a finished run with the themes sea, sky and wood."""
    return make_run(tmp_path_factory.mktemp("dash"), words())


@pytest.fixture
def runs(finished, tmp_path):
    """A directory that holds a copy of the run, to be changed."""
    shutil.copytree(finished, tmp_path / "runs" / "one")
    return tmp_path / "runs"


@pytest.fixture
def opened(runs):
    return open_run(runs / "one")


@pytest.fixture
def keys():
    return Keys(b"k" * 32)


def client_of(folder, keys, *, engine=None, **headers):
    """A browser that has shown the token, on a server of its own."""
    app = create_app(Library(folder), keys=keys, hosts=[HOST, "localhost:8765"], engine=engine or Engine(), warm=False)
    given = {"authorization": f"Bearer {keys.token}", "x-forepath": "1", **headers}
    return TestClient(app, base_url=f"http://{HOST}", headers={k: v for k, v in given.items() if v})


@pytest.fixture
def client(runs, keys):
    with client_of(runs, keys) as browser:
        yield browser
