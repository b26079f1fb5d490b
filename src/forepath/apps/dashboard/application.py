"""The whole server as one ASGI application: routes, errors as answers, the built page, and the guard around it all."""

from __future__ import annotations

import time
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from forepath import __version__
from forepath.apps.dashboard import comparing, exploring, forecasting, history, judging, living
from forepath.apps.dashboard.engine import Engine
from forepath.apps.dashboard.events import Hub
from forepath.apps.dashboard.guard import Guard
from forepath.apps.dashboard.keys import DAYS, Keys
from forepath.apps.dashboard.library import Library
from forepath.apps.dashboard.shapes import Problem, Visit
from forepath.apps.terminal import plain
from forepath.errors import ForepathError, InputError, MismatchError, RunError, RunIncompleteError

STATIC = Path(__file__).parent / "static"
"""The built page; its source is web/."""


def create_app(
    library: Library, *, keys: Keys, hosts: Iterable[str], engine: Engine | None = None, warm: bool = True
) -> ASGIApp:
    """The application, guarded. `hosts`: what Host may say, the first one names the cookie; `warm` loads a model."""
    hosts = tuple(hosts)
    cookie = "forepath_" + (hosts[0].rpartition(":")[2] if hosts else "0")
    return Guard(open_app(library, keys, cookie, engine or Engine(), warm=warm), keys=keys, hosts=hosts, cookie=cookie)


def open_app(library: Library, keys: Keys, cookie: str, engine: Engine, *, warm: bool = False) -> FastAPI:
    """The application without its guard: for the description of its API, never for serving."""

    hub = Hub()
    live = living.Live(library, engine, hub)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        history.Watcher(library, hub)
        if warm:
            _warm_newest(library, engine)
        yield
        hub.close()
        await to_thread(live.close)
        await to_thread(engine.close)

    app = FastAPI(title="forepath dashboard", version=__version__, docs_url=None, redoc_url=None, openapi_url=None,
                  lifespan=life, responses={"4XX": {"model": Problem}})  # fmt: skip
    app.include_router(history.routes(library))
    app.include_router(forecasting.routes(library, engine))
    shelves = exploring.Shelves()
    engine.also.append(lambda run, _: shelves.of(run))
    app.include_router(judging.routes(library))
    app.include_router(comparing.routes(library, engine))
    app.include_router(living.routes(live, library))
    app.include_router(exploring.routes(library, hub, shelves))

    @app.get("/api/events", response_class=StreamingResponse)
    async def events(
        request: Request,
        topics: Annotated[str, Query(max_length=500)] = "",
        last: Annotated[str, Query(max_length=60)] = "",
    ) -> StreamingResponse:
        last = request.headers.get("last-event-id", last)  # a browser sends it by itself, a page that asks anew cannot
        stream = hub.follow([t for t in topics.split(",") if t], last)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    @app.post("/api/visit", status_code=204)
    def visit(given: Visit, request: Request) -> Response:
        if not keys.admits(given.token):
            return _problem(401, "refused", "that is not the token of this start of `forepath dash`")
        answer = Response(status_code=204)
        answer.set_cookie(cookie, keys.sign(time.time()), max_age=DAYS * 86_400, httponly=True, samesite="strict",
                          secure=request.url.scheme == "https", path="/")  # fmt: skip
        return answer

    @app.exception_handler(ForepathError)
    async def told(request: Request, error: ForepathError) -> JSONResponse:
        return _problem(_status(error), type(error).__name__, str(error))

    @app.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        return _problem(422, "InputError", f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, "refused", f"{request.method} {request.url.path[:200]}: {error.detail}")

    if STATIC.is_dir():
        app.mount("/", Page(directory=STATIC, html=True))
    return app


class Page(StaticFiles):
    """The built files. Names with a hash in them never change; the page itself is asked for again every time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable" if path.startswith("assets") else "no-cache"
        response.headers["cache-control"] = kept
        return response


def _status(error: ForepathError) -> int:
    if isinstance(error, RunIncompleteError | MismatchError):
        return 409
    return 422 if isinstance(error, InputError) else 404 if type(error) is RunError else 500


def _problem(status: int, kind: str, message: str) -> JSONResponse:
    return JSONResponse({"error": plain(message), "kind": kind}, status)


def _warm_newest(library: Library, engine: Engine) -> None:
    """Load the model of the newest run that can forecast."""
    runs = [library.open(entry.id) for entry in library.entries()]
    ready = [run for run in runs if run.store.has("forecaster")]
    if ready:
        engine.warm(max(ready, key=lambda run: run.store.created))
