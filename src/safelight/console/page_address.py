"""The address that shows a page again, for the change of language or theme and for the sign-in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Match


def find_page_address(request: Request) -> str:
    """The address of the request; for a form that was sent, the nearest page above its address."""
    if request.method in ("GET", "HEAD"):
        return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return find_page_above(request)


def find_page_above(request: Request) -> str:
    """The nearest address at or above this one that answers GET. Addresses of forms accept only POST."""
    path = request.url.path
    while path != "/" and not _is_page(request, path):
        path = path.rpartition("/")[0] or "/"
    return path


def _is_page(request: Request, path: str) -> bool:
    scope = {**request.scope, "method": "GET", "path": path}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)
