"""The door of the server: every request passes here before anything reads it. Refuses by default.

Host must be one of ours, exactly once (DNS rebinding); a browser's Origin and Sec-Fetch-Site must be this page's
(CSRF); whatever changes something carries a header that no form can send; the API wants a visit or the token; bodies
are limited. Every answer gets a strict Content-Security-Policy. WebSockets are refused. Knows nothing of runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forepath.apps.dashboard.keys import Keys

MOST_BODY = 262_144
"""Bytes of a request's body."""
CHANGING = "x-forepath"
"""The header that every changing request must carry; a page of another origin cannot add it without our leave."""
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, keys: Keys, hosts: Iterable[str], cookie: str) -> None:
        """`hosts`: what Host may say, with the port, e.g. "127.0.0.1:8765"; `cookie`: the name of a visit."""
        self.app, self.keys, self.hosts, self.cookie = app, keys, frozenset(h.lower() for h in hosts), cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused:
            await _answer(_dressed(send, scope), *refused)
            return
        await self.app(scope, _limited(receive), _dressed(send, scope))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """(status, why) if the request may not go on."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        host = [h.lower() for h in headers.get("host", [])]
        if len(host) != 1 or host[0] not in self.hosts:
            return 421, f"this server answers to {', '.join(sorted(self.hosts))} only"
        origin = headers.get("origin", [])
        if any(o.lower() not in (f"http://{host[0]}", f"https://{host[0]}") for o in origin):
            return 403, "a page of another origin may not ask"
        api = scope["path"].startswith("/api/")
        site = headers.get("sec-fetch-site", ["same-origin"])[-1]
        if api and site not in ("same-origin", "none"):
            return 403, "a page of another site may not ask"
        changes = scope["method"] not in ("GET", "HEAD")
        if changes and not (api and CHANGING in headers):
            return 403, f"a request that changes something needs the header {CHANGING}"
        size = headers.get("content-length", ["0"])[-1]
        if not size.isdecimal() or int(size) > MOST_BODY:
            return 413, f"a body has at most {MOST_BODY:,} bytes"
        if api and (scope["path"], scope["method"]) != ("/api/visit", "POST") and not self._known(headers):
            return 401, "give the token that `forepath dash` printed"
        return None

    def _known(self, headers: dict[str, list[str]]) -> bool:
        for value in headers.get("authorization", []):
            scheme, _, token = value.partition(" ")
            if scheme.lower() == "bearer" and self.keys.admits(token.strip()):
                return True
        for value in headers.get("cookie", []):
            try:
                morsel = SimpleCookie(value).get(self.cookie)
            except CookieError:
                continue
            if morsel is not None and self.keys.knows(morsel.value, time.time()):
                return True
        return False


def _limited(receive: Receive) -> Receive:
    """`receive` that refuses a body longer than announced: chunked bodies announce nothing."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BODY:
            return {"type": "http.disconnect"}
        return message

    return limited


def _dressed(send: Send, scope: Scope) -> Send:
    """`send` that adds the security headers to every answer."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message.get("headers", [])}
            extra = dict(_HEADERS)
            if scope["path"].startswith("/api/"):
                extra["cache-control"] = "no-store"
            message["headers"] = [
                *message.get("headers", []),
                *((n.encode(), v.encode()) for n, v in extra.items() if n.encode() not in own),
            ]
        await send(message)

    return dressed


async def _answer(send: Send, status: int, why: str) -> None:
    body = json.dumps({"error": why, "kind": "refused"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
