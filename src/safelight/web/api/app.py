"""The FastAPI application: routes, middleware and error handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import SafelightError
from safelight.web.auth import AppState
from safelight.web.errors import error_response, http_problem, internal_error_response
from safelight.web.field_errors import invalid_field
from safelight.web.middleware import DrainRequestBody, RequestIds, SecurityHeaders
from safelight.web.operation_routes import router_of

from . import (
    access,
    advice_checks,
    appeals,
    attempts,
    audit_log,
    case_events,
    checks,
    consents,
    content_provenance,
    derivatives,
    gates,
    guardrail,
    halts,
    incidents,
    library,
    metrics,
    models,
    moderations,
    provider_errors,
    quality,
    quality_figures,
    reports,
    review_queue,
    reviews,
    saved_replies,
    soft_bindings,
    standing,
    statements,
    sync,
    system,
    templates,
    vault,
    videos,
    webhooks,
)
from .allowed_methods import find_allowed_methods
from .openapi import SafelightAPI
from .removed_routes import find_removed
from .sse import EventPoller


class ErrorPage(Protocol):
    """Returns an HTML error page if a browser sent the request; otherwise returns `response` unchanged."""

    async def __call__(
        self, request: Request, error: SafelightError | None, response: Response
    ) -> Response: ...


def create_app(state: AppState, error_page: ErrorPage | None = None) -> FastAPI:
    """The app of the HTTP API: `/v1` and the health routes. `app` mounts the web pages on it."""
    services = state.services
    poller = EventPoller(services.videos, state.threads, services.watch_interval_s)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await poller.close()

    async def page_or_response(
        request: Request, error: SafelightError | None, response: Response
    ) -> Response:
        return response if error_page is None else await error_page(request, error, response)

    async def handle_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, SafelightError)
        if error.status == 404:
            error = find_removed(request.url.path) or error
        return await page_or_response(request, error, error_response(error, request))

    async def handle_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status, headers, hint = error.status_code, dict(error.headers or {}), ""
        if removed := find_removed(request.url.path):
            return await handle_error(request, removed)
        if status in (404, 405):
            document = await state.threads.run(app.openapi)
            if _has_api_key(request) and find_allowed_methods(document["paths"], f"/v1{request.url.path}"):
                # Also if a page of the console has this address and accepts another method.
                status, headers = 404, {}
                hint = f"The API is at /v1{request.url.path}. Let the base URL of the client end in /v1."
            elif methods := find_allowed_methods(document["paths"], request.url.path):
                headers["Allow"] = ", ".join(methods)
        response = http_problem(status, str(error.detail), request, headers, hint=hint)
        return await page_or_response(request, None, response)

    async def handle_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await handle_error(request, invalid_field(error.errors()))

    async def handle_fault(request: Request) -> Response:
        return await page_or_response(request, None, internal_error_response(request))

    app = SafelightAPI(
        title="Safelight",
        version=services.version,
        summary="Content safety for AI video generation, in OpenAI's /v1/videos format.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        # Its own spans would have addresses and queries, and its logs the messages of exceptions.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(RequestIds, fault=handle_fault),
            Middleware(DrainRequestBody),
        ],
        exception_handlers={
            SafelightError: handle_error,
            HTTPException: handle_http_error,
            RequestValidationError: handle_invalid,
        },
    )
    app.state.safelight = state
    app.state.event_poller = poller
    for routes in (videos, derivatives, sync, models, moderations, checks, advice_checks, provider_errors):
        app.include_router(routes.router)
    app.include_router(guardrail.router)
    app.include_router(attempts.router)
    app.include_router(content_provenance.router)
    app.include_router(soft_bindings.router)
    # `/replies`, `/next` and `/preferences` first: they are no ids of cases.
    app.include_router(router_of(saved_replies.changes))
    for changes in (gates.moves, gates.lowering, halts.changes, incidents.changes):
        app.include_router(router_of(changes))
    for resource in (
        audit_log,
        gates,
        halts,
        incidents,
        vault,
        saved_replies,
        review_queue,
        reviews,
        webhooks,
        quality_figures,
    ):
        app.include_router(router_of(resource.operations))
    for trust in (
        reports,
        appeals,
        statements,
        consents,
        case_events,
        quality,
        templates,
        library,
    ):
        app.include_router(trust.router)
    for accounts in (standing, access):
        app.include_router(accounts.router)
    app.include_router(system.router)
    app.include_router(metrics.router)
    return app


def _has_api_key(request: Request) -> bool:
    """Whether this is a client of the API. A browser behind a proxy with a password sends `Basic`."""
    return request.headers.get("authorization", "").lower().startswith("bearer ")
