"""ASGI middleware for all requests. Authentication is not part of it: each route authenticates.

Order, outermost first: `SecurityHeaders`, `RequestIds` (id, access log, unexpected exceptions),
`DrainRequestBody` (so that the client receives the error response to a large body).
"""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable

import anyio
from opentelemetry.trace import INVALID_SPAN, Span, Status, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safelight.core.ids import new_id
from safelight.core.metrics import REQUEST_SECONDS
from safelight.core.tracing import request_span, set_attributes

_log = logging.getLogger(__name__)
HEADER = "x-request-id"

#: No inline scripts or styles, nothing from other sites, no framing.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)

#: No devices. A page that needs one names it.
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: with it, browsers send `Origin: null` with the forms of our own pages.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": PERMISSIONS_POLICY,
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
#: The same headers as bytes, so that they are encoded once.
_HTTP_HEADERS = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
_HTTPS_HEADERS = [*_HTTP_HEADERS, (b"strict-transport-security", b"max-age=31536000")]
#: Such requests have no span, because clients poll.
_READING = frozenset({"GET", "HEAD"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Paths that clients poll: a video, its events, health, and the static files of a page.
_POLLED = re.compile(r"/v1/videos/video_[0-9a-f]+(/events)?|/healthz|/readyz|/static/.*")


def request_id(scope: Scope) -> str:
    """The id of the current request."""
    found: str = scope["state"]["request_id"]
    return found


def _is_poll(scope: Scope, status: int) -> bool:
    """Whether this is a successful poll, which is logged at the debug level only."""
    asked = scope["method"] in _READING and 200 <= status < 400
    return asked and _POLLED.fullmatch(scope["path"]) is not None


class RequestIds:
    """Gives each request an id, logs each response, and responds to exceptions that no handler caught."""

    def __init__(self, app: ASGIApp, *, fault: Callable[[Request], Awaitable[Response]]) -> None:
        self._app = app
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] in _READING:
            await self._respond(scope, receive, send, INVALID_SPAN)
            return
        with request_span(Headers(scope=scope)) as span:
            await self._respond(scope, receive, send, span)

    async def _respond(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        given = new_id("req")
        scope.setdefault("state", {})["request_id"] = given
        started = time.perf_counter()
        status = 0

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = given
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        except ClientDisconnect:
            status = 499
        except Exception:
            # Logged as text, because a formatter that shows local variables would log prompts and keys.
            trace = traceback.format_exc()
            _log.error("%s at %s\n%s", given, scope["path"], trace)
            if status:
                # A part of the response was sent already: close the connection, so that the client notices
                # the failure.
                raise
            await (await self._fault(Request(scope)))(scope, receive, with_id)
        finally:
            seconds = time.perf_counter() - started
            # The name of a route, never the address, which has ids and whatever a client invents.
            route = getattr(scope.get("route"), "path", "") or "none"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            REQUEST_SECONDS.observe(seconds, route, method, str(status))
            if span.is_recording():
                _describe(span, given, route, method, status)
            ms = seconds * 1000
            level = logging.DEBUG if _is_poll(scope, status) else logging.INFO
            _log.log(level, "%s %s %d in %.1f ms, %s", scope["method"], scope["path"], status, ms, given)


def _describe(span: Span, given: str, route: str, method: str, status: int) -> None:
    span.update_name(f"{method} {route}")
    span.set_attributes(
        {"http.request.method": method, "http.route": route, "http.response.status_code": status}
    )
    set_attributes(span, request_id=given)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))


class SecurityHeaders:
    """Adds the security headers that a response does not have yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        added = _HTTPS_HEADERS if scope.get("scheme") == "https" else _HTTP_HEADERS

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                present = {name.lower() for name, _value in headers}
                headers.extend(header for header in added if header[0] not in present)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


class DrainRequestBody:
    """Reads the unread rest of a request body before the response, for at most `seconds`.

    Otherwise the connection would close while the client still sends. It would be reset, and the client could
    see the reset before the response.
    """

    def __init__(self, app: ASGIApp, *, seconds: float = 2.0) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        unread = True
        asked = False

        async def watched() -> Message:
            nonlocal unread, asked
            asked = True
            message = await receive()
            unread = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and unread:
                waiting = headers.get("expect", "").lower() == "100-continue" and not asked
                # Status 408: the client has stopped sending, so there is nothing to read.
                if not waiting and message["status"] != 408:
                    with anyio.move_on_after(self._seconds):
                        while unread:
                            await watched()
                if unread:
                    MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self._app(scope, watched, answer)
