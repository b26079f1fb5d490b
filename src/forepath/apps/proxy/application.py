"""The local server as an ASGI application: `/v1/…` as clients know it, `/forepath/…` for what is ours."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from forepath.apps.proxy.answer import LAST_WORD, RECORDS, Answer, Event
from forepath.apps.proxy.channel import BEAT, Channel
from forepath.apps.proxy.door import MOST_BODY, TooLongError
from forepath.apps.proxy.engine import BusyError, problem_of
from forepath.apps.proxy.frames import DONE, WAITING, Head, Reason, comment, error_body, error_frame
from forepath.apps.proxy.local import Local
from forepath.apps.proxy.telemetry import Spans
from forepath.apps.proxy.wanted import read_wanted
from forepath.errors import ForepathError, InputError, PromptError
from forepath.monitors.monitor import Monitor

STREAM_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}


def create_app(
    local: Local, channel: Channel, *, clock: Callable[[], float] = time.time,
    names: Callable[[], str] = lambda: secrets.token_hex(12), spans: Spans | None = None,
) -> FastAPI:  # fmt: skip
    """The application, without its `Door`. `clock`, `names`: when and what an answer is called; `spans`: where requests
    are told of (`telemetry`).
    """
    app = FastAPI(title="forepath serve", docs_url=None, redoc_url=None, openapi_url=None)
    answers: dict[str, Answer] = {}
    spans = spans or Spans()
    began = int(clock())
    model = {"id": local.name, "object": "model", "created": began, "owned_by": "forepath"}

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [model]}

    @app.get("/v1/models/{name:path}")
    def one_model(name: str) -> Response:
        if name != local.name:
            return _problem(404, f"there is no model {name!r}; there is {local.name!r}", "model_not_found")
        return JSONResponse(model)

    @app.post("/v1/completions")
    async def complete(request: Request) -> Response:
        return await respond(request, chat=False)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await respond(request, chat=True)

    async def respond(request: Request, *, chat: bool) -> Response:
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError) as error:
            return _problem(400, f"the body is not JSON ({error})")
        try:
            wanted = read_wanted(body, local.policy, chat=chat)
            named = body.get("model", local.name)
            if named != local.name:
                return _problem(404, f"there is no model {named!r}; there is {local.name!r}", "model_not_found")
            subject, prompt, wanted, count = await asyncio.to_thread(local.prepare, wanted)
        except PromptError as error:
            return _problem(400, str(error), "context_length_exceeded", "prompt")
        except InputError as error:
            return _problem(400, str(error), param=str(error).partition(":")[0])
        except ForepathError as error:
            return _problem(400, str(error))
        head = Head(f"{'chatcmpl' if chat else 'cmpl'}-{names()}", int(clock()), local.name, chat)
        asked = spans.begin(wanted, local.name, request.headers)
        try:
            answer = local.begin(head, subject, prompt, wanted, asked)
        except BusyError:
            asked.over(error="429")
            return _problem(429, "too many requests are waiting; come again", "rate_limit_exceeded",
                            headers={"retry-after": "1"})  # fmt: skip
        answers[head.id] = answer
        if wanted.stream:
            frames = _frames(answer, count, lambda: answers.pop(head.id, None))
            return StreamingResponse(frames, media_type="text/event-stream", headers=STREAM_HEADERS)
        try:
            return await _whole(answer, count, request)
        finally:
            answers.pop(head.id, None)
            if answer.stream is not None:
                answer.stream.stop()
            answer.told(count, "cancelled")

    add_own_routes(app, channel, None if local.watcher is None else local.watcher.monitor, local.name)

    @app.get("/forepath/streams")
    def streams() -> dict[str, Any]:
        running, waiting = local.engine.load
        mine = [{"id": name, "tokens": a.written, "paused": a.stream is not None and a.stream.paused}
                for name, a in list(answers.items())]  # fmt: skip
        return {"running": running, "waiting": waiting, "streams": mine}

    @app.post("/forepath/streams/{name}/{wish}")
    def steer(name: str, wish: str) -> Response:
        answer = answers.get(name)
        if answer is None or answer.stream is None:
            return _problem(404, f"no stream {name!r} is being written")
        if wish not in ("pause", "resume", "stop"):
            return _problem(404, f"{wish!r} cannot be done to a stream; pause, resume or stop it")
        getattr(answer.stream, wish)()
        return JSONResponse({"id": name, "wish": wish})

    return app


def add_own_routes(app: FastAPI, channel: Channel, monitor: Monitor | None, name: str) -> None:
    """What is watched and how, the side channel, and errors in the API's own form."""

    @app.get("/forepath/about")
    def about() -> dict[str, Any]:
        if monitor is None:
            return {"model": name, "monitored": False}
        off = monitor.off_path
        path = None if off is None else {"rule": str(off), "rate": off.rate, "calibrated": off.limit is not None,
                                         "limit": off.bound if off.bound < 1e300 else None}  # fmt: skip
        return {"model": name, "monitored": True, "source": monitor.source, "themes": list(monitor.themes),
                "horizon": monitor.horizon, "rules": [str(r) for r in monitor.rules], "off_path": path,
                "stale": monitor.guard is not None and monitor.guard.stale,
                "ledger": monitor.ledger.summary()}  # fmt: skip

    @app.get("/forepath/metrics")
    def metrics() -> Response:
        told = "" if monitor is None else monitor.ledger.metrics()
        return Response(told, media_type="text/plain; version=0.0.4")

    @app.get("/forepath/events")
    async def events(request: Request, conversation: str | None = None) -> Response:
        if channel.full:
            return _problem(429, "too many listeners", headers={"retry-after": "5"})
        frames = channel.listen(request.headers.get("last-event-id"), conversation)
        return StreamingResponse(frames, media_type="text/event-stream", headers=STREAM_HEADERS)

    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _problem(error.status_code, f"{request.method} {request.url.path[:200]}: {error.detail}")

    async def too_long(request: Request, error: Exception) -> Response:
        return _problem(413, f"a body has at most {MOST_BODY:,} bytes", headers={"connection": "close"})

    app.add_exception_handler(HTTPException, told)
    app.add_exception_handler(TooLongError, too_long)


async def _frames(answer: Answer, prompt_tokens: int, over: Callable[[], object]) -> AsyncIterator[bytes]:
    """The frames of one answer. A client who leaves ends this generator, and with it the stream."""
    head, wanted = answer.head, answer.wanted
    try:
        for i in range(wanted.choices):
            if opening := head.opening(i):
                yield opening
        while True:
            event = await _next(answer)
            if event is None:
                yield WAITING
            elif event.kind == "over":
                if event.error is not None:
                    answer.told(prompt_tokens, type(event.error).__name__)
                    yield error_frame(problem_of(event.error))
                    return
                break
            elif event.kind == "text":
                yield head.piece(event.row, event.text)
            elif event.kind == "comment":
                yield comment(event.record)
            else:
                more = {}
                if wanted.records:
                    more = {"forepath": answer.records(complete=await answer.last_words(RECORDS))}
                yield head.closing(event.row, event.reason, **more)
        if wanted.usage:
            yield head.usage(_usage(prompt_tokens, answer.written))
        await answer.last_words(LAST_WORD)
        answer.told(prompt_tokens)
        await asyncio.sleep(0)
        while not answer.queue.empty():
            event = answer.queue.get_nowait()
            if event.kind == "comment":
                yield comment(event.record)
        yield DONE
    finally:
        over()
        if answer.stream is not None:
            answer.stream.stop()
        answer.told(prompt_tokens, "cancelled")  # unless it was told before: the client has left


async def _next(answer: Answer) -> Event | None:
    """The next event; None if nothing came for a while."""
    if answer.queue.empty():
        try:
            event = await asyncio.wait_for(answer.queue.get(), BEAT)
        except TimeoutError:
            return None
    else:
        event = answer.queue.get_nowait()
    if event.kind == "text" and answer.stream is not None:
        answer.stream.taken()
    return event


async def _whole(answer: Answer, prompt_tokens: int, request: Request) -> Response:
    """The whole answer at once."""
    texts = [""] * answer.wanted.choices
    reasons: list[Reason] = ["stop"] * answer.wanted.choices
    gone = asyncio.create_task(_gone(request))
    try:
        while True:
            getting = asyncio.create_task(_next(answer))
            await asyncio.wait({getting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                return Response(status_code=499)
            event = getting.result()
            if event is None:
                continue
            if event.kind == "over":
                if event.error is not None:
                    answer.told(prompt_tokens, type(event.error).__name__)
                    return _problem(500, problem_of(event.error), kind="server_error")
                break
            if event.kind == "text":
                texts[event.row] += event.text
            elif event.kind == "closing":
                reasons[event.row] = event.reason
    finally:
        gone.cancel()
    more = {}
    if answer.wanted.records:
        more = {"forepath": answer.records(complete=await answer.last_words(RECORDS))}
    if answer.asked.recording:
        await answer.last_words(LAST_WORD)
    answer.told(prompt_tokens)
    return JSONResponse(answer.head.whole(texts, reasons, _usage(prompt_tokens, answer.written), **more))


async def _gone(request: Request) -> None:
    """Until the client has left."""
    while not await request.is_disconnected():
        await asyncio.sleep(0.25)


def _usage(prompt: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


def _problem(
    status: int, message: str, code: str | None = None, param: str | None = None, *,
    kind: str = "invalid_request_error", headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    return JSONResponse(error_body(message, kind, code, param), status_code=status, headers=headers)
