"""Authentication: an API key in the Authorization header, or the session cookie of our own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Forbidden, Unauthenticated
from safelight.trust.accounts import Accounts, KeyScope, Principal

from .access import Access, declare
from .state import app_state
from .thread_pool import Threads

COOKIE = "safelight_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer ...`, if any. Raises `Unauthenticated` for another scheme."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send the API key as `Authorization: Bearer <key>`.")
    return token.strip()


def check_same_origin(request: Request) -> None:
    """Raise `Forbidden` if another site may have sent this unsafe request with our cookie."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        fine = site == "same-origin"
    else:
        fine = request.headers.get("origin") == f"{request.url.scheme}://{request.headers.get('host', '')}"
    if not fine:
        raise Forbidden(
            "This request did not come from a page of this server.", remedy="Open the page again."
        )


async def authenticate(request: Request, accounts: Accounts, threads: Threads) -> Principal:
    """The principal of a request.

    Raises `Unauthenticated`, or `Forbidden` if another site may have sent the request with our cookie.
    """
    token = bearer(request)
    if token is not None:
        known = accounts.recall(token)
        return known if known is not None else await threads.run(accounts.authenticate, token)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise Unauthenticated(
            "An API key is needed: `Authorization: Bearer <key>`.",
            remedy="`safelight keys create` makes one.",
        )
    check_same_origin(request)
    return await threads.run(accounts.sessions.authenticate, cookie)


def requires(*scopes: KeyScope, any_of: Iterable[KeyScope] = ()) -> Callable[[Request], Awaitable[Principal]]:
    """Makes a FastAPI dependency that returns the principal, which has all `scopes` and one of `any_of`.

    Raises `Forbidden` for other principals.
    """
    access = Access(every=frozenset(scopes), any_of=frozenset(any_of))

    async def principal(request: Request) -> Principal:
        app = app_state(request)
        found = await authenticate(request, app.services.accounts, app.threads)
        access.require(found)
        return found

    return declare(access, principal)


def browser_of(request: Request) -> str:
    """How the browser describes itself, for the list of sessions."""
    return request.headers.get("user-agent", "")


def set_session(response: Response, request: Request, token: str, *, max_age_s: int) -> None:
    """Set the session cookie. Scripts cannot read it, and browsers never send it across sites."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=max_age_s,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def clear_session(response: Response, request: Request) -> None:
    response.delete_cookie(
        COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
    )
