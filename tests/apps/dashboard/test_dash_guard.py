"""The door: who is let in, by every route and method; what every answer carries."""

import pytest
from dash_toys import paths_of
from fastapi.testclient import TestClient

from forepath.apps.dashboard.application import create_app, open_app
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.guard import CSP, MOST_BODY
from forepath.apps.dashboard.keys import Keys, kept_secret
from forepath.apps.dashboard.library import Library

HOST = "127.0.0.1:8765"


@pytest.fixture
def door(tmp_path, keys):
    app = create_app(Library(tmp_path), keys=keys, hosts=[HOST], engine=Engine(), warm=False)
    return TestClient(app, base_url=f"http://{HOST}")


def every_route(tmp_path):
    app = open_app(Library(tmp_path), Keys(), "visit", Engine())
    return [(path, method) for path, methods in paths_of(app) for method in methods]


def test_every_route_of_the_api_wants_a_visit_and_every_change_the_header(door, tmp_path, keys):
    found = every_route(tmp_path)
    assert len(found) > 15
    methods = {"GET", "POST", "PUT", "DELETE", "PATCH"} | {m for _, m in found}
    for path, _ in found:
        for method in methods:
            bare = door.request(method, path)
            if method != "GET":
                assert bare.status_code == 403, (path, method)
            if path != "/api/visit":
                assert door.request(method, path, headers={"x-forepath": "1"}).status_code == 401, (path, method)


def test_the_token_opens_and_leaves_a_cookie_that_scripts_cannot_read(door, keys):
    header = {"x-forepath": "1"}
    assert door.post("/api/visit", json={"token": "guess"}, headers=header).status_code == 401
    assert door.get("/api/runs").status_code == 401
    answer = door.post("/api/visit", json={"token": keys.token}, headers=header)
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 204 and "HttpOnly" in cookie and "SameSite=strict" in cookie and "8765" in cookie
    assert door.get("/api/runs").json() == []


def test_a_visit_outlives_a_restart_but_not_its_time_nor_another_secret(tmp_path):
    one, again, other = Keys(b"a" * 32), Keys(b"a" * 32), Keys(b"b" * 32)
    visit = one.sign(1000.0)
    assert one.token != again.token and again.knows(visit, 1000.0)
    assert not again.knows(visit, 1000.0 + 8 * 86_400) and not other.knows(visit, 1000.0)
    assert (
        not again.knows(visit.replace(visit[0], "9", 1), 1000.0) and not again.knows("", 0) and not again.knows(".", 0)
    )


def test_the_secret_is_kept_for_its_user_only(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    secret = kept_secret()
    file = tmp_path / "forepath" / "dash.key"
    assert secret == kept_secret() and file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    assert kept_secret() is None
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert kept_secret() is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:8765"}, 421),
        ({"host": "127.0.0.1:8765.evil.example"}, 421),
        ({"host": ""}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_rebinding_and_forgery_are_refused(door, keys, headers, status):
    given = {"authorization": f"Bearer {keys.token}", **headers}
    assert door.get("/api/runs", headers=given).status_code == status


def test_two_hosts_are_no_host(keys, tmp_path):
    import asyncio

    app = create_app(Library(tmp_path), keys=keys, hosts=[HOST], engine=Engine(), warm=False)
    sent = []

    async def send(message):
        sent.append(message)

    host = (b"host", HOST.encode())
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [host, host], "query_string": b""}
    asyncio.run(app(scope, None, send))
    assert sent[0]["status"] == 421


def test_every_answer_is_strict(door, keys):
    for answer in (door.get("/"), door.get("/api/runs"), door.get("/nothing"), door.get("/", headers={"host": "evil"})):
        assert (
            answer.headers["content-security-policy"] == CSP and answer.headers["x-content-type-options"] == "nosniff"
        )
    assert "unsafe" not in CSP and "http" not in CSP
    assert door.get("/api/runs").headers["cache-control"] == "no-store"


def test_bodies_are_limited_whether_or_not_they_say_their_size(door, keys):
    header = {"x-forepath": "1", "authorization": f"Bearer {keys.token}"}
    assert door.post("/api/visit", content=b"x" * (MOST_BODY + 1), headers=header).status_code == 413
    chunks = (b"x" * 65_536 for _ in range(8))
    with pytest.raises(Exception):  # noqa: B017 - the client is cut off
        door.post("/api/visit", content=chunks, headers=header).raise_for_status()


def test_sockets_are_refused(door):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), door.websocket_connect("/api/events"):
        pass


def test_ids_never_become_paths(client, runs):
    (runs.parent / "secret").mkdir()
    (runs / "link").symlink_to(runs.parent / "secret")
    for id in ("..", "%2e%2e", "..%2f..%2fetc", "/etc/passwd", "link", "%00", "one%00"):
        assert client.get(f"/api/runs/{id}").status_code in (404, 405), id
    for path in ("/../../../../etc/passwd", "/%2e%2e/%2e%2e/pyproject.toml", "/assets/..%2f..%2fshapes.py"):
        assert client.get(path).status_code == 404, path
