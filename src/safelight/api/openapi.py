"""The OpenAPI document: FastAPI's, without what it only supposes, and with how a client says who it is."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from safelight.web.auth import COOKIE

#: Either will do; the cookie is that of the pages.
_SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"session": []}]
_SCHEMES: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "Made by `safelight keys create`."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Of our own pages."},
}


class SafelightAPI(FastAPI):
    """An app whose document says what it answers: a wrong parameter is a 400 here, never FastAPI's 422."""

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
