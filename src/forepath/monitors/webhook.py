"""Tell another program by HTTP, without ever holding up the text: a queue, a thread, bounded both ways.

The address comes from the user's configuration only. By default it must be on this machine: the name is resolved once,
every address it has must be loopback, and that address is what is connected to, so that a name cannot change its mind
(DNS rebinding). Other hosts must be named in `allow`. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import json
import queue
import socket
import threading
from collections.abc import Collection, Mapping
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from forepath.errors import InputError

WAITING = 256
"""Records waiting; more are dropped and counted."""
SECONDS = 5.0
"""For one call."""


class Webhook:
    """POSTs records as JSON to one address, in order."""

    def __init__(self, url: str, *, allow: Collection[str] = ()) -> None:
        """`allow`: hosts besides this machine that may be called. Raises `InputError` for any other address."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise InputError(f"webhook {url!r}; wanted http://host/path or https://host/path without a user in it")
        self.host = parts.hostname
        self._secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._named = f"[{self.host}]" if ":" in self.host else self.host
        self._address = self.host if self.host in allow else self._loopback()
        self.sent = self.failed = self.dropped = 0
        self._queue: queue.Queue[bytes] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None

    def send(self, record: Mapping[str, Any]) -> None:
        """Queue one record; returns at once. Dropped and counted where too many wait."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(json.dumps(dict(record), allow_nan=False).encode())
        except queue.Full:
            self.dropped += 1

    def wait(self) -> None:
        """Until all that was queued is sent or has failed."""
        self._queue.join()

    def _loopback(self) -> str:
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(self.host, self._port, type=socket.SOCK_STREAM)}
        except OSError as error:
            raise InputError(f"the webhook's host {self.host!r} cannot be resolved ({error}); correct it") from error
        if not found or not all(ipaddress.ip_address(a.partition("%")[0]).is_loopback for a in found):
            raise InputError(
                f"the webhook's host {self.host!r} is not this machine ({', '.join(sorted(found))}); allow it by name "
                "if alarms may leave this machine"
            )
        return sorted(found)[0]

    def _work(self) -> None:
        while True:
            body = self._queue.get()
            try:
                self._post(body)
                self.sent += 1
            except Exception:  # counted: a listener that is down must not stop the text or the next call
                self.failed += 1
            finally:
                self._queue.task_done()

    def _post(self, body: bytes) -> None:
        make = HTTPSConnection if self._secure else HTTPConnection
        connection = make(self._address, self._port, timeout=SECONDS)
        try:
            headers = {"Content-Type": "application/json", "Host": f"{self._named}:{self._port}"}
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                raise OSError(f"answered {answer.status}")
        finally:
            connection.close()
