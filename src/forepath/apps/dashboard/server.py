"""`forepath dash`: bind to this machine, print the token once, serve until interrupted."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from forepath.apps.dashboard.application import create_app
from forepath.apps.dashboard.keys import Keys, kept_secret
from forepath.apps.dashboard.library import Library
from forepath.errors import InputError


def serve(root: Path, *, port: int = 8765, host: str = "127.0.0.1", names: Sequence[str] = ()) -> None:
    """Serve the runs under `root` until interrupted. `port` 0 takes a free one; `names` are further Host names.

    Raises `RunError` if there is no such directory, `InputError` if the port is taken.
    """
    library = Library(root)
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    known = dict.fromkeys((host, "127.0.0.1", "localhost", "[::1]", *names))
    keys = Keys(kept_secret())
    app = create_app(library, keys=keys, hosts=[f"{name}:{port}" for name in known])
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    print(f"forepath dashboard of {library.root}: http://{shown}:{port}/#token={keys.token}", file=sys.stderr)
    print(f"token: {keys.token}", flush=True)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # before its address is printed: who comes at once waits, and is not refused
    except OSError as error:
        listener.close()
        raise InputError(f"{host}:{port} cannot be served on ({error.strerror}); give another --port, or 0") from error
    return listener
