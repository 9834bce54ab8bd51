"""The OpenAPI document of FastAPI, without the 422 responses that it assumes, and with authentication."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts.managed_tenants import REACH
from safelight.web.auth import COOKIE, TENANT_HEADER, app_state, public
from safelight.web.responses import JsonResponse

from .declared_routes import declared_routes
from .guardrail import GUARDRAIL_PATH
from .tenants import TENANTS_PATH

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
#: Of the routes that a key reaches while it acts in a managed tenant.
_TENANT: dict[str, Any] = {
    "name": TENANT_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^tenant_[0-9a-f]{32}$"},
    "description": "A tenant that your tenant manages, to act there with a key that has the scope `review`, "
    "`vault` or `admin`. What your key may not do there gets 403 or 404. Only with a key: with the session "
    "cookie, the header gets 400.",
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
        acting = self._routes_in_managed_tenants()
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                operation["responses"].pop("422", None)
                if path.startswith("/v1/"):
                    operation["security"] = _SECURITY
                elif path == GUARDRAIL_PATH:
                    operation["security"] = [{"x-api-key": []}, *_SECURITY]
                if (method.upper(), path) in acting:
                    operation["parameters"] = [*operation.get("parameters", ()), _TENANT]
        parts = document["components"]
        for name in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(name, None)
        parts["securitySchemes"] = _SCHEMES
        return document

    def _routes_in_managed_tenants(self) -> frozenset[tuple[str, str]]:
        """The routes whose scopes a key keeps in a managed tenant, without those of the list of tenants."""
        return frozenset(
            (route.method, route.path)
            for route in declared_routes(self)
            if route.access is not None
            and route.access.needs_principal
            and route.access.allows(REACH)
            and not route.path.startswith(TENANTS_PATH)
        )
