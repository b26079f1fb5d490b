"""A small finished run of a model made in the test, and the dashboard over it."""

import shutil

import pytest
from dash_toys import client_of, make_run, words

from forepath.apps.dashboard.keys import Keys
from forepath.apps.runs import open_run


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


@pytest.fixture
def client(runs, keys):
    with client_of(runs, keys) as browser:
        yield browser
