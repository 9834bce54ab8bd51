"""Authentication: an API key in the Authorization header, or the session cookie of our own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Accounts, KeyScope, Principal
from safelight.core.errors import BadInput, Forbidden, Unauthenticated

from .provenance import ProvenanceDoor
from .responses import JsonResponse
from .services import Services
from .thread_pool import Threads

#: The attribute of an endpoint, or of a dependency of it, that has its `Access`.
ACCESS_ATTRIBUTE = "access"
COOKIE = "safelight_session"
#: A header that was removed. A request with it is refused, because it would act in another tenant than meant.
_REMOVED_HEADER = "Safelight-Tenant"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_P = ParamSpec("_P")
_T = TypeVar("_T")

# The state of one running app, shared by the HTTP API and the web pages.


@dataclass(frozen=True, kw_only=True)
class AppState:
    services: Services
    threads: Threads
    #: Runs `POST /v1/videos/check`. Further checks wait in order of arrival.
    check_threads: Threads
    #: Runs `GET /readyz`, which is answered also if all other threads wait for the database.
    readiness_threads: Threads
    provenance: ProvenanceDoor

    @classmethod
    def of(cls, services: Services) -> AppState:
        """The state for `services`, with thread pools of the sizes that it names."""
        threads = Threads(services.threads)
        return cls(
            services=services,
            threads=threads,
            provenance=ProvenanceDoor(
                services.provenance, threads, answer_after_s=services.provenance_answer_s
            ),
            check_threads=Threads(services.max_concurrent_checks),
            readiness_threads=Threads(4),
        )

    async def show(
        self, view: Callable[[_T], object], call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> Response:
        """The response with the view of what `call` returns in a thread."""
        return JsonResponse(view(await self.threads.run(call, *args, **kwargs)))


def app_state(request: Request) -> AppState:
    state: AppState = request.app.state.safelight
    return state


# What a route needs from its caller. Every route declares it; a test compares it with the table of roles.

Endpoint = Callable[[Request], Awaitable[Response]]
_Declared = TypeVar("_Declared", bound=Callable[..., object])


@dataclass(frozen=True, kw_only=True)
class Access:
    """A route needs all scopes of `every`, and one of `any_of` if there are any."""

    every: frozenset[KeyScope] = frozenset()
    any_of: frozenset[KeyScope] = frozenset()
    #: False for a route that needs no account.
    needs_principal: bool = True

    def allows(self, scopes: frozenset[KeyScope]) -> bool:
        return self.every <= scopes and (not self.any_of or bool(self.any_of & scopes))

    def require(self, principal: Principal) -> None:
        """Raise `Forbidden` if the principal does not have the scopes."""
        for scope in KeyScope:
            if scope in self.every:
                principal.require(scope)
        if self.any_of:
            principal.require(*(scope for scope in KeyScope if scope in self.any_of))


PUBLIC = Access(needs_principal=False)


def declare(access: Access, endpoint: _Declared) -> _Declared:
    """Store on an endpoint or a dependency what it needs. The endpoint itself has to check it."""
    setattr(endpoint, ACCESS_ATTRIBUTE, access)
    return endpoint


def public(endpoint: Endpoint) -> Endpoint:
    """Declare that a page needs no account."""

    async def declared(request: Request) -> Response:
        return await endpoint(request)

    return declare(PUBLIC, declared)


async def no_account() -> None:
    """A FastAPI dependency that declares that the route needs no account."""


declare(PUBLIC, no_account)


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


def named_key(request: Request) -> str | None:
    """The token of the header `x-api-key`, or of `Authorization`, if any."""
    return request.headers.get("x-api-key") or bearer(request)


async def authenticate(
    request: Request,
    accounts: Accounts,
    threads: Threads,
    read_key: Callable[[Request], str | None] = bearer,
) -> Principal:
    """The principal of a request. `read_key` finds its API key.

    Raises `Unauthenticated`, `Forbidden` if another site may have sent the request with our cookie, and
    `BadInput` for the header by which keys acted in another tenant.
    """
    token = read_key(request)
    if _REMOVED_HEADER in request.headers:
        raise BadInput(
            f"The header {_REMOVED_HEADER} was removed: a key acts in its own tenant.",
            remedy="Send a key of that tenant: safelight keys create NAME --tenant TENANT",
        )
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


def requires(
    *scopes: KeyScope,
    any_of: Iterable[KeyScope] = (),
    read_key: Callable[[Request], str | None] = bearer,
) -> Callable[[Request], Awaitable[Principal]]:
    """Makes a FastAPI dependency that returns the principal, which has all `scopes` and one of `any_of`.

    Raises `Forbidden` for other principals.
    """
    access = Access(every=frozenset(scopes), any_of=frozenset(any_of))

    async def principal(request: Request) -> Principal:
        app = app_state(request)
        found = await authenticate(request, app.services.accounts, app.threads, read_key)
        access.require(found)
        return found

    return declare(access, principal)


def browser_of(request: Request) -> str:
    """How the browser describes itself, for the list of sessions."""
    return request.headers.get("user-agent", "")


def set_private_cookie(
    response: Response,
    request: Request,
    name: str,
    value: str,
    *,
    path: str = "/",
    samesite: Literal["lax", "strict"] = "strict",
    max_age_s: int | None = None,
) -> None:
    """Set a cookie that scripts cannot read; over HTTPS, it is never sent without TLS.

    With `strict`, the browser does not send it when another site leads here. Without `max_age_s`, it is kept
    until the browser is closed.
    """
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        httponly=True,
        samesite=samesite,
        secure=request.url.scheme == "https",
        path=path,
    )


def set_session(response: Response, request: Request, token: str, *, max_age_s: int) -> None:
    """Set the session cookie. Scripts cannot read it, and browsers never send it across sites."""
    set_private_cookie(response, request, COOKIE, token, max_age_s=max_age_s)


def clear_session(response: Response, request: Request) -> None:
    """Delete the session cookie."""
    secure = request.url.scheme == "https"
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure, path="/")
