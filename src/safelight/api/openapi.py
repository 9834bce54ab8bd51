"""The OpenAPI document of FastAPI, without the 422 responses that it assumes, and with authentication."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from safelight.web.auth import COOKIE

#: A request needs the API key or the session cookie, not both. The web pages use the cookie.
_SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"session": []}]
_SCHEMES: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "Made by `safelight keys create`."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Session cookie of the web pages.",
    },
}


class SafelightAPI(FastAPI):
    """A FastAPI app whose document lists the real responses: an invalid parameter gives 400, never 422."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        for path, methods in document["paths"].items():
            for operation in methods.values():
                operation["responses"].pop("422", None)
                if path.startswith("/v1/"):
                    operation["security"] = _SECURITY
        parts = document["components"]
        for name in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(name, None)
        parts["securitySchemes"] = _SCHEMES
        return document
