"""The OpenAPI document of FastAPI, without the 422 responses that it assumes, and with authentication."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from safelight.web.auth import COOKIE, app_state, public
from safelight.web.responses import JsonResponse

from .guardrail import GUARDRAIL_PATH

#: A request needs the API key or the session cookie, not both. The web pages use the cookie.
_SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"session": []}]
_SCHEMES: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "Made by `safelight keys create`."},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Session cookie of the web pages.",
    },
}


class SafelightAPI(FastAPI):
    """A FastAPI app whose document lists the real responses: an invalid parameter gives 400, never 422.

    The document takes some tenths of a second to build, once, so it is built in a thread.
    """

    def setup(self) -> None:
        self.add_route("/openapi.json", public(self._respond), include_in_schema=False)

    async def _respond(self, request: Request) -> Response:
        return JsonResponse(await app_state(request).threads.run(self.openapi))

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        for path, methods in document["paths"].items():
            for operation in methods.values():
                operation["responses"].pop("422", None)
                if path.startswith("/v1/"):
                    operation["security"] = _SECURITY
                elif path == GUARDRAIL_PATH:
                    operation["security"] = [{"x-api-key": []}, *_SECURITY]
        parts = document["components"]
        for name in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(name, None)
        parts["securitySchemes"] = _SCHEMES
        return document
