"""Serving: uvicorn around an application and its door, on one address. `serving` is for tests and notebooks."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from forepath.apps.proxy.door import Door
from forepath.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

MOST_CONNECTIONS = 512


def new_token() -> str:
    """A token for one start."""
    return secrets.token_urlsafe(24)


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `InputError` where the address cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, reuse_port=False)
    except OSError as error:
        raise InputError(f"cannot listen on {host} port {port} ({error.strerror}); choose another --port") from error


def make_server(app: FastAPI, *, token: str, host: str, port: int, bearer: bool = True) -> uvicorn.Server:
    """The server, not yet running. Raises `MissingExtraError` without the extra `serve`."""
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise MissingExtraError("uvicorn", "serve", "serving") from error
    names = {host, f"[{host}]"} if ":" in host else {host}
    if host in ("127.0.0.1", "::1", "localhost"):
        names |= {"127.0.0.1", "localhost", "[::1]"}
    door: Any = Door(app, token=token, hosts=names, bearer=bearer)
    config = uvicorn.Config(
        door, host=host, port=port, log_level="warning", access_log=False, server_header=False, lifespan="off",
        limit_concurrency=MOST_CONNECTIONS, timeout_keep_alive=15, timeout_graceful_shutdown=5,
    )  # fmt: skip
    return uvicorn.Server(config)


@contextmanager
def serving(app: FastAPI, *, token: str, host: str = "127.0.0.1", bearer: bool = True) -> Iterator[str]:
    """Serve in a thread while the block runs; yields the base URL."""
    listening = bound_socket(host, 0)
    port = listening.getsockname()[1]
    server = make_server(app, token=token, host=host, port=port, bearer=bearer)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="server", daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        if thread.is_alive():
            raise RuntimeError(f"the server at {host}:{port} did not stop: something keeps its loop busy")
