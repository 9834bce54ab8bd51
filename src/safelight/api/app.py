"""The HTTP front: routes, layers and errors put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, SafelightError
from safelight.web.errors import http_problem, problem, unexpected
from safelight.web.middleware import Lingering, RequestIds, SecurityHeaders, request_id
from safelight.web.services import Services
from safelight.web.state import AppState
from safelight.web.thread_pool import Threads

from . import (
    appeals,
    checks,
    derivatives,
    models,
    moderations,
    provider_errors,
    reports,
    reviews,
    sync,
    system,
    videos,
    webhooks,
)
from .allowed_methods import allowed
from .openapi import Described
from .sse import Watcher

_log = logging.getLogger(__name__)


def create_app(services: Services) -> FastAPI:
    """The gateway's HTTP app: `/v1`, health, and the console's pages."""
    # Imported here because the console builds on this package.
    from safelight.console.routes import Console

    threads = Threads(services.threads)
    state = AppState(
        services=services,
        threads=threads,
        watcher=Watcher(services.videos, threads, services.watch_interval_s),
    )
    console = Console(state)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await state.watcher.close()

    async def page_or(request: Request, error: SafelightError | None, response: Response) -> Response:
        if not console.wants_page(request):
            return response
        try:
            return await console.error_page(request, error, response)
        except Exception as trouble:
            # The page needs the store for its banner; where that is the trouble, the plain answer will do.
            _log.error("The error page could not be made: %r", trouble)
            return response

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, SafelightError)
        return await page_or(request, error, problem(error, request_id(request.scope)))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        methods = allowed(app.openapi()["paths"], request.url.path) if error.status_code == 405 else ()
        if methods:
            headers["Allow"] = ", ".join(methods)
        response = http_problem(error.status_code, str(error.detail), request_id(request.scope), headers)
        return await page_or(request, None, response)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await refused(request, _invalid_field(error))

    async def fault(request: Request) -> Response:
        return await page_or(request, None, unexpected(request_id(request.scope)))

    app = Described(
        title="Safelight",
        version=services.version,
        summary="Content safety for AI video generation, in OpenAI's /v1/videos format.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(RequestIds, fault=fault),
            Middleware(Lingering),
        ],
        exception_handlers={
            SafelightError: refused,
            HTTPException: http_error,
            RequestValidationError: invalid,
        },
    )
    app.state.safelight = state
    for routes in (videos, derivatives, sync, models, moderations, checks, provider_errors):
        app.include_router(routes.router)
    for trust in (reports, appeals, reviews, webhooks):
        app.include_router(trust.router)
    app.include_router(system.router)
    console.attach(app)
    return app


def _invalid_field(error: RequestValidationError) -> InvalidField:
    first: dict[str, Any] = dict(error.errors()[0])
    name = str(first["loc"][-1])
    return InvalidField(f"{name}: {str(first['msg'])[:200]}.", param=name)
