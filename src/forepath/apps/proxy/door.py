"""Who may come in: the right host, no foreign web page, the token of this start; and no more than a bounded body.

ASGI middleware around the whole application. The token is taken from `Authorization: Bearer`, from
`X-Forepath-Token`, or from the path, `/t/TOKEN/v1/…`: behind `--upstream` the first belongs to the other server, and
any client can change its base URL. It is never logged.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from forepath.apps.proxy.frames import error_body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 8_000_000
"""Bytes of a request's body."""


class TooLongError(Exception):
    """The body is longer than allowed. Becomes an answer of the application, never seen by users."""


class Door:
    """Lets in, or answers 400, 401 or 403 itself; a body that is too long raises `TooLongError` where it is read."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str], bearer: bool = True) -> None:
        """`hosts`: what Host may say, with or without the port. `bearer=False`: `Authorization` is not ours."""
        self._app, self._token = app, token.encode()
        self._hosts = frozenset(h.lower() for h in hosts)
        self._bearer = bearer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        scope = self._without_token(dict(scope))
        if refusal := self._refusal(scope):
            await _answer(send, *refusal)
            return
        await self._app(scope, _bounded(receive), send)

    def _without_token(self, scope: dict[str, Any]) -> dict[str, Any]:
        """The token of the path, taken out of it and noted."""
        parts = scope["path"].split("/", 3)
        if len(parts) == 4 and parts[:2] == ["", "t"]:
            scope["forepath.token"] = parts[2].encode()
            scope["path"] = f"/{parts[3]}"
            scope["raw_path"] = scope["path"].encode()
        return scope

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        hosts = [v.decode("latin-1").lower() for v in headers.get(b"host", [])]
        if len(hosts) != 1 or not self._knows(hosts[0]):
            return 400, "this server does not go by that host name"
        for origin in headers.get(b"origin", []):
            if not self._knows(origin.decode("latin-1").lower().partition("://")[2]):
                return 403, "requests from other web pages are refused"
        given = [scope["forepath.token"]] if "forepath.token" in scope else list(headers.get(b"x-forepath-token", []))
        if self._bearer:
            given += [v[7:] for v in headers.get(b"authorization", []) if v[:7].lower() == b"bearer "]
        if not any(hmac.compare_digest(token, self._token) for token in given):
            return 401, "wanted the token that `forepath serve` printed"
        return None

    def _knows(self, host: str) -> bool:
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        return host in self._hosts or name in self._hosts


def _bounded(receive: Receive) -> Receive:
    seen = 0

    async def read() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BODY:
            raise TooLongError
        return message

    return read


async def _answer(send: Send, status: int, message: str) -> None:
    kind = {401: "authentication_error", 403: "permission_error"}.get(status, "invalid_request_error")
    body = json.dumps(error_body(message, kind)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
               (b"connection", b"close")]  # fmt: skip
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
