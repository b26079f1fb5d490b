"""In front of another server: its answers pass through byte by byte, and what they say is watched.

The other server is named on the command line and never by a request. `Authorization` is the client's affair with it: it
is passed on, and neither kept nor logged. The text is followed by its words only, and every record says so; where the
other server offers activations of the prompt (`hidden`), a forecast from those stands at its beginning. Knows HTTP and
bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from forepath.apps.proxy.answer import LAST_WORD
from forepath.apps.proxy.application import add_own_routes
from forepath.apps.proxy.channel import BEAT, Channel
from forepath.apps.proxy.frames import DONE, WAITING, comment, error_body
from forepath.apps.proxy.hearing import LONGEST, Hearing, Said, said_in
from forepath.apps.proxy.hidden import OWN, HiddenStates, one_token, why
from forepath.apps.proxy.telemetry import Asked, Sent, Spans
from forepath.apps.proxy.wanted import read_wanted
from forepath.apps.proxy.watching import Watched, Watcher
from forepath.errors import InputError, MismatchError
from forepath.records import Policy

if TYPE_CHECKING:
    import httpx2

UNREAD = 64
"""Chunks read from the other server and not yet sent."""
LATER = (0.0, 0.2, 1.0, 5.0)
"""Seconds after which it is looked again for what a request left."""
_OURS = frozenset({"host", "content-length", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
                   "te", "trailer", "transfer-encoding", "upgrade", "x-forepath-token", "accept-encoding", "origin",
                   "referer"})  # fmt: skip
"""Headers that end here."""


def check_upstream(url: str) -> str:
    """The base URL, without `/v1` at its end. Raises `InputError`.

    >>> check_upstream("http://127.0.0.1:8000/v1/")
    'http://127.0.0.1:8000'
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InputError(f"upstream {url!r}; wanted a base URL such as http://127.0.0.1:8000/v1, without user or query")
    return url.rstrip("/").removesuffix("/v1")


@dataclass
class Passing:
    """One answer passing through."""

    prompt: str
    watcher: Watcher | None
    doubts: tuple[str, ...]
    loop: asyncio.AbstractEventLoop
    name: str
    rows: dict[int, Watched] = field(default_factory=dict)
    comments: deque[dict[str, Any]] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    going: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False
    asked: Asked = field(default_factory=lambda: Asked(None))
    head: dict[str, Any] = field(default_factory=dict)
    """What stood around the choices of its answer."""
    reasons: list[str] = field(default_factory=list)
    leaves: bool = False
    """Whether a file that the server behind leaves of it is nobody's: the client said nothing of one."""

    def hear(self, said: Said) -> None:
        """Hand what was said to the monitor."""
        if said.reason is not None:
            self.reasons.append(said.reason)
        if self.watcher is None:
            return
        watched = self.rows.get(said.index)
        if watched is None:
            watched = self.rows[said.index] = self._watch(said.index)
        if said.text:
            self.watcher.feed(watched, said.text, None)
        if said.reason is not None:
            self.watcher.finish(watched, None, ended=said.reason == "stop")

    async def told(self, error: str = "") -> None:
        """It has passed: the end of its span, once the monitor has had its say."""
        until = self.loop.time() + LAST_WORD
        while self.asked.recording and not error and self.loop.time() < until:
            if all(watched.done.is_set() for watched in self.rows.values()):
                break
            await asyncio.sleep(0.002)
        usage = self.head.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        count = {name: n for name in ("prompt_tokens", "completion_tokens") if isinstance(n := usage.get(name), int)}
        texts = {k: self.head[k] for k in ("id", "model") if isinstance(self.head.get(k), str)}
        self.asked.over(error=error, finish_reasons=self.reasons, input_tokens=count.get("prompt_tokens"),
                        output_tokens=count.get("completion_tokens"), **texts)  # fmt: skip

    def _watch(self, index: int) -> Watched:
        def told(kind: str, record: Mapping[str, Any]) -> None:
            if kind == "reading":
                self.asked.read(index, record)
            self.comments.append({"id": self.name, "index": index, kind: record})
            self._wake(self.news.set)

        def wish(wanted: str) -> None:
            if wanted == "stop":
                self.stopped = True
            elif wanted == "pause":
                self._wake(self.going.clear)
            self._wake(self.news.set)

        return Watched(f"{self.name}/{index}" if index else self.name, self.prompt, self.doubts, told, wish)

    def _wake(self, act: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(act)


def create_upstream_app(
    upstream: str, channel: Channel, watcher: Watcher | None, *, policy: Policy, names: Callable[[], str],
    spans: Spans | None = None, hidden: HiddenStates | None = None,
) -> FastAPI:  # fmt: skip
    """The application in front of `upstream`, without its `Door`, which must not ask for `Authorization`.

    `policy`: what the other server is taken to do where a request says nothing. `names`: what an answer is called here.
    `hidden`: where it leaves the activations of prompts, if it does.
    """
    import httpx2

    base = check_upstream(upstream)
    app = FastAPI(title="forepath serve", docs_url=None, redoc_url=None, openapi_url=None)
    passing: dict[str, Passing] = {}
    clients: list[httpx2.AsyncClient] = []
    tasks: set[asyncio.Task[None]] = set()
    spans = spans or Spans()

    def meanwhile(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def client() -> httpx2.AsyncClient:
        if not clients:
            limits = httpx2.Timeout(connect=10.0, read=600.0, write=60.0, pool=30.0)
            clients.append(httpx2.AsyncClient(timeout=limits, follow_redirects=False, trust_env=False))
        return clients[0]

    @app.api_route("/v1/{path:path}", methods=["GET", "POST", "DELETE"])
    async def forward(path: str, request: Request) -> Response:
        if any(part in ("", ".", "..") for part in path.rstrip("/").split("/")) or not path.isprintable():
            return _problem(404, "no such path")
        body = await request.body()
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in _OURS]
        sent = client().build_request(
            request.method, f"{base}/v1/{quote(path)}", params=str(request.query_params) or None, content=body,
            headers=[*headers, ("accept-encoding", "identity")],
        )  # fmt: skip
        writes = request.method == "POST" and path.rstrip("/") in ("completions", "chat/completions")
        asked = spans.begin(*_asked(body, path), request.headers, behind=base) if writes else Asked(None)
        try:
            answer = await client().send(sent, stream=True)
        except httpx2.HTTPError as error:
            asked.over(error=type(error).__name__)
            return _problem(502, f"the server behind this one did not answer ({type(error).__name__})")
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _OURS or k.lower() == "content-length"}
        if not writes or answer.status_code != 200 or "content-encoding" in answer.headers:
            asked.over(error="" if answer.status_code == 200 else str(answer.status_code))
            return StreamingResponse(_bytes(answer), answer.status_code, kept)
        one = _passing(body, path, watcher, policy, names())
        one.asked = asked
        passing[one.name] = one
        if hidden is not None and watcher is not None and not one.doubts:
            anew = [(k, v) for k, v in headers if k.lower() != "x-request-id"]  # it is no second go at the same
            ask = partial(client().post, sent.url, headers=[*anew, ("accept-encoding", "identity")])
            meanwhile(_foretell(hidden, one, channel, ask, body))

        def over() -> None:
            passing.pop(one.name, None)
            if hidden is not None and one.leaves and isinstance(name := one.head.get("id"), str):
                meanwhile(_tidy(hidden, name))

        if "text/event-stream" in answer.headers.get("content-type", ""):
            kept = {k: v for k, v in kept.items() if k.lower() != "content-length"}
            return StreamingResponse(_relay(answer, one, over), 200, kept)
        return StreamingResponse(_overhear(answer, one, over), 200, kept)

    add_own_routes(app, channel, None if watcher is None else watcher.monitor, f"behind {base}")

    @app.get("/forepath/streams")
    def streams() -> dict[str, Any]:
        mine = [{"id": p.name, "paused": not p.going.is_set()} for p in list(passing.values())]
        return {"running": len(mine), "waiting": 0, "streams": mine}

    @app.post("/forepath/streams/{name}/{wish}")
    async def steer(name: str, wish: str) -> Response:
        one = passing.get(name)
        if one is None or wish not in ("pause", "resume", "stop"):
            return _problem(404, f"no stream {name!r}, or {wish!r} cannot be done to it; pause, resume or stop it")
        if wish == "pause":
            one.going.clear()
        else:
            one.stopped = one.stopped or wish == "stop"
            one.going.set()
        one.news.set()
        return JSONResponse({"id": name, "wish": wish})

    return app


async def _foretell(
    hidden: HiddenStates, one: Passing, channel: Channel, ask: Callable[..., Awaitable[httpx2.Response]], body: bytes
) -> None:
    """A forecast from the prompt's activations, beside the text, which waits for nothing; or why there is none."""
    try:
        answer = await ask(content=one_token(body))
        if answer.status_code != 200:
            raise MismatchError(f"the server behind answered {answer.status_code} when asked for one token")
        kind, record = "reading", await asyncio.to_thread(hidden.reading, answer.content)
    except Exception as error:  # whatever it is, the text goes on
        kind, record = "failed", {"failed": why(error), "source": hidden.source}
    channel.publish(kind, one.name, record)
    one.comments.append({"id": one.name, "index": 0, kind: record})
    one.news.set()


async def _tidy(hidden: HiddenStates, name: str) -> None:
    """Delete what a request that is over left; a server that was told to stop may take a while to write it."""
    for pause in LATER:
        await asyncio.sleep(pause)
        with contextlib.suppress(MismatchError, OSError):  # not written yet
            if await asyncio.to_thread(hidden.tidy, name):
                return


def _passing(body: bytes, path: str, watcher: Watcher | None, policy: Policy, name: str) -> Passing:
    prompt = ""
    doubts: tuple[str, ...] = ()
    leaves = False
    try:
        content = json.loads(body)
        leaves = isinstance(content, dict) and OWN not in content
        wanted = read_wanted({k: v for k, v in content.items() if k in _READ}, policy, chat=path.startswith("chat"))
        prompt = wanted.prompt or "\n\n".join(m.content for m in wanted.messages)
        if watcher is not None:
            doubts = watcher.monitor.doubts_of(wanted.policy)
    except (InputError, ValueError, AttributeError, RecursionError):
        pass  # the other server's affair; the text is watched without its prompt
    one = Passing(prompt, watcher, doubts, asyncio.get_running_loop(), name, leaves=leaves)
    one.going.set()
    return one


def _asked(body: bytes, path: str) -> tuple[Sent, str]:
    """(a request as it was sent; its model's name) for its span, without `policy`, which nobody sent."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = {}
    content = content if isinstance(content, dict) else {}
    model = content.get("model")
    return Sent(path.startswith("chat"), content), model if isinstance(model, str) else ""


_READ = ("prompt", "messages", "temperature", "top_p", "top_k")
"""Fields that the monitor needs of a request."""


async def _bytes(answer: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


async def _overhear(answer: httpx2.Response, one: Passing, over: Callable[[], object]) -> AsyncIterator[bytes]:
    """An answer in one piece: passed on, then read."""
    whole = b""
    try:
        async for chunk in _bytes(answer):
            whole = whole + chunk if len(whole) < LONGEST else whole
            yield chunk
        for said in said_in(whole, one.head):
            one.hear(said)
        await one.told()
    finally:
        over()
        await one.told("cancelled")  # unless it was told before


async def _relay(answer: httpx2.Response, one: Passing, over: Callable[[], object]) -> AsyncIterator[bytes]:
    """A stream: every byte passed on as it comes, comments put between frames."""
    hearing = Hearing()
    one.head = hearing.head
    chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(UNREAD)
    pump = asyncio.create_task(_pump(answer, chunks))
    try:
        while True:
            may_speak = hearing.at_boundary and not hearing.done
            chunk = await _next_chunk(chunks, one, may_speak)
            if one.stopped and may_speak:
                yield _closing(hearing, one)
                one.reasons.append("content_filter")
                await one.told()
                return
            if isinstance(chunk, BaseException):
                await one.told(type(chunk).__name__)
                raise chunk  # as the other server broke off, so do we
            if chunk is None:
                await one.told()
                return
            if chunk:
                yield chunk
                for said in hearing.feed(chunk):
                    one.hear(said)
            elif may_speak and not one.comments:
                yield WAITING
            while one.comments and hearing.at_boundary and not hearing.done:
                yield comment(one.comments.popleft())
    finally:
        try:
            await one.told("cancelled")  # unless it was told before
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
            await answer.aclose()
        finally:
            over()


async def _pump(answer: httpx2.Response, chunks: asyncio.Queue[bytes | BaseException | None]) -> None:
    try:
        async for chunk in answer.aiter_raw():
            await chunks.put(chunk)
        await chunks.put(None)
    except Exception as error:  # handed to the one who relays
        await chunks.put(error)


async def _next_chunk(
    chunks: asyncio.Queue[bytes | BaseException | None], one: Passing, may_speak: bool
) -> bytes | BaseException | None:
    """The next chunk; b"" if we `may_speak` and have something to say, or nothing came for a while."""
    if not one.going.is_set() and not one.stopped:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(one.going.wait(), BEAT)
        return b""
    if not chunks.empty():
        return chunks.get_nowait()
    one.news.clear()
    if may_speak and (one.comments or one.stopped):
        return b""
    getting, news = asyncio.create_task(chunks.get()), asyncio.create_task(one.news.wait())
    try:
        await asyncio.wait({getting, news}, timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
        return getting.result() if getting.done() else b""
    finally:
        news.cancel()
        if not getting.done():
            getting.cancel()


def _closing(hearing: Hearing, one: Passing) -> bytes:
    """What ends a stream that an alarm stopped, in the form of the other server's frames."""
    chat = str(hearing.head.get("object", "")).startswith("chat")
    choices = [{"index": i, **({"delta": {}} if chat else {"text": ""}), "finish_reason": "content_filter"}
               for i in sorted(one.rows)]  # fmt: skip
    head = {k: v for k, v in hearing.head.items() if k != "usage"}
    return b"data: " + json.dumps({**head, "choices": choices}).encode() + b"\n\n" + DONE


def _problem(status: int, message: str) -> Response:
    return JSONResponse(error_body(message, "server_error" if status >= 500 else "invalid_request_error"), status)
