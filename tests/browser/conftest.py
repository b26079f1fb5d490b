"""A real browser on a real server, over a run whose every text is an attack. Skipped, visibly, without Chromium."""

import os
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "apps" / "dashboard"))

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHOTS = Path(os.environ.get("FOREPATH_SHOTS", ROOT / "artefacts" / "browser"))
"""Where the pictures of every screen go, to be looked at."""
PATIENCE = 90_000
"""Milliseconds to wait for what will come: a machine that is busy with other things is no failure."""
HOSTILE = (
    "<script>window.pwned=1</script>",
    '<img/src="x"/onerror="window.pwned=2">',
    "<svg/onload=window.pwned=3>",
    "javascript:window.pwned=4",
    "{{constructor.constructor('window.pwned=5')()}}",
    "</textarea><iframe/srcdoc=x>",
    "</script><b>bold</b>",
    "\u202eright-to-left",
)
"""Words that the toy model writes, and that stand in prompts and names of themes."""


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in Path(item.fspath).parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def executable():
    for name in (os.environ.get("FOREPATH_CHROMIUM", ""), *BROWSERS):
        if name and (found := shutil.which(name)):
            return found
    pytest.skip("no Chromium: `apt-get install chromium`, or name it in FOREPATH_CHROMIUM")


@pytest.fixture(scope="session")
def chromium(executable):
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'")
    api.expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Serving:
    """A dashboard in a thread, that can be ended and started again at the same address."""

    def __init__(self, folder, engine):
        from forepath.apps.dashboard.keys import Keys

        self.folder, self.engine = folder, engine
        self.keys = Keys(b"s" * 32)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        import uvicorn

        from forepath.apps.dashboard.application import create_app
        from forepath.apps.dashboard.library import Library

        app = create_app(
            Library(self.folder), keys=self.keys, hosts=[f"127.0.0.1:{self.port}"], engine=self.engine, warm=False
        )
        config = uvicorn.Config(app, port=self.port, log_level="critical", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def end(self):
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """Runs in which words, prompts and names of themes are attacks: one, its copy, and it under an intervention."""
    from dash_toys import make_run, words

    from forepath.apps.assurance import assure
    from forepath.apps.intervening import intervene
    from forepath.apps.runs import open_run
    from forepath.subjects.interventions import making

    themes = {"ba": f"sea {HOSTILE[0]}", "de": f"sky {HOSTILE[1]}", "ko": "wood"}
    folder = tmp_path_factory.mktemp("hostile")
    path = make_run(folder, words(HOSTILE), themes=themes, before=f"{HOSTILE[0]} {HOSTILE[1]} {HOSTILE[6]}\n")
    base = open_run(path)
    assure(base)  # kept in every copy, so that no test waits for it
    shutil.copytree(path, path.parent / "two")
    toward = base.subject.model.lm_head.weight.detach().numpy()[33]
    intervene(base, making.add("resid.2", toward, coefficient=2.0), path.parent / "three")
    return path.parent


@pytest.fixture(scope="session")
def engine():
    from forepath.apps.dashboard.engine import Engine

    return Engine()


@pytest.fixture
def serving(hostile, engine, tmp_path):
    shutil.copytree(hostile, tmp_path / "runs")
    found = Serving(tmp_path / "runs", engine)
    yield found
    found.end()


@pytest.fixture
def open_page(chromium, serving):
    """Open a place of the dashboard, signed in; what the console said is in `page.said`."""
    contexts = []

    def go(place="/forecast?run=one", *, width=1280, height=800, mode="light", **options):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=mode, reduced_motion="reduce", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.said = []
        page.on("console", lambda m: page.said.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: page.said.append(str(e)))
        page.set_default_timeout(PATIENCE)
        page.goto(f"{serving.base}/#token={serving.keys.token}")
        page.wait_for_selector("nav")
        page.goto(f"{serving.base}/#{place}")
        page.wait_for_selector("main > .screen")
        return page

    yield go
    for context in contexts:
        context.close()
