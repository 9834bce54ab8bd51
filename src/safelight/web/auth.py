"""Authentication: a key in the Authorization header, or the session cookie of our own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Forbidden, Unauthenticated
from safelight.trust.accounts import Accounts, KeyScope, Principal

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
        raise Unauthenticated("Send the key as `Authorization: Bearer <key>`.")
    return token.strip()


def check_same_origin(request: Request) -> None:
    """Raise `Forbidden` for an unsafe request that another site may have sent with our cookie."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        fine = site == "same-origin"
    else:
        fine = request.headers.get("origin") == f"{request.url.scheme}://{request.headers.get('host', '')}"
    if not fine:
        raise Forbidden("This request did not come from our own page.", remedy="Open the page again.")


async def authenticate(request: Request, accounts: Accounts, threads: Threads) -> Principal:
    """The principal of a request. Raises `Unauthenticated`; `Forbidden` for a cookie used across sites."""
    token = bearer(request)
    if token is not None:
        return await threads.run(accounts.authenticate, token)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise Unauthenticated(
            "A key is needed: `Authorization: Bearer <key>`.", remedy="`safelight keys create` makes one."
        )
    check_same_origin(request)
    return await threads.run(accounts.authenticate_session, cookie)


async def principal_of(request: Request) -> Principal:
    """A FastAPI dependency: the principal, with any scopes. The service that is called checks them."""
    app = app_state(request)
    return await authenticate(request, app.services.accounts, app.threads)


def requires(scope: KeyScope) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency: the principal, which must have this scope."""

    async def principal(request: Request) -> Principal:
        app = app_state(request)
        found = await authenticate(request, app.services.accounts, app.threads)
        found.require(scope)
        return found

    return principal


def set_session(response: Response, request: Request, token: str, *, max_age_s: int) -> None:
    """Set the session cookie: not readable by scripts, not sent across sites, over TLS if it is in use."""
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
