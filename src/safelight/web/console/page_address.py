"""The address that shows a page again, for the change of language or theme and for the sign-in."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.routing import Match

from safelight.accounts import Principal
from safelight.web.auth import ACCESS_ATTRIBUTE, PUBLIC, Access

#: The address of a form is shorter and has at most five segments. Each of them is compared with all routes,
#: so a longer address would keep the server busy.
MAX_FORM_CHARACTERS, MAX_FORM_SEGMENTS = 300, 6
#: An address in the address of the sign-in page. Encoded it has up to three times as many characters, and
#: reverse proxies accept addresses and headers up to 8 KB.
MAX_BACK_CHARACTERS = 2000


def find_page_address(request: Request) -> str:
    """The address of the request; for a form that was sent, the nearest page above its address.

    A page above the form opens without the query of the form.
    """
    path = request.url.path if request.method in ("GET", "HEAD") else find_page_above(request)
    return f"{path}?{request.url.query}" if request.url.query and path == request.url.path else path


def find_page_above(request: Request) -> str:
    """The nearest address at or above this one that shows a page. Addresses of forms accept only POST."""
    path = request.url.path
    if len(path) > MAX_FORM_CHARACTERS or path.count("/") > MAX_FORM_SEGMENTS:
        return "/"
    while path != "/" and not _is_page(request, path):
        path = path.rpartition("/")[0] or "/"
    return path


def find_address_after_sign_in(request: Request) -> str:
    """The address of the page that asked for the sign-in, without the query if the address is too long."""
    addresses = (find_page_address(request), request.url.path)
    return next((address for address in addresses if len(address) <= MAX_BACK_CHARACTERS), "/")


def find_open_page(request: Request, principal: Principal, addresses: Collection[str]) -> str:
    """The first of the addresses that the principal may open; the last one if there is no other."""
    return next((one for one in addresses if _may_open(request, principal, one)), [*addresses][-1])


def _may_open(request: Request, principal: Principal, address: str) -> bool:
    scope = {**request.scope, "method": "GET", "path": unquote(urlsplit(address).path)}
    route = next((one for one in request.app.router.routes if one.matches(scope)[0] is Match.FULL), None)
    access: Access = getattr(getattr(route, "endpoint", None), ACCESS_ATTRIBUTE, PUBLIC)
    return access.allows(principal.scopes)


def _is_page(request: Request, path: str) -> bool:
    # Below `/login/` are the addresses of the OpenID provider: opening one begins a sign-in.
    if path.startswith("/login/"):
        return False
    scope = {**request.scope, "method": "GET", "path": path}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)
