"""The only routes of a process that does not serve the API and the pages."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from safelight.core.ids import new_id

from .errors import http_problem

_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class ProcessRoutes:
    """ASGI middleware that answers all other requests with 404."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers: ASGIApp = self._app
        if scope["type"] == "http" and scope["path"] not in _PATHS:
            scope = {**scope, "state": {"request_id": new_id("req")}}
            answers = http_problem(404, "", Request(scope), hint="This process does not have the role web.")
        await answers(scope, receive, send)
