"""Authentication: an API key in the Authorization header, or the session cookie of our own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Accounts, KeyScope, Principal
from safelight.core.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated

from .provenance import ProvenanceDoor
from .services import Services
from .thread_pool import Threads

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


def app_state(request: Request) -> AppState:
    state: AppState = request.app.state.safelight
    return state


# What a route needs from its caller. Every route declares it; a test compares it with the table of roles.

Endpoint = Callable[[Request], Awaitable[Response]]
_Declared = TypeVar("_Declared", bound=Callable[..., object])
#: The attribute of an endpoint, or of a dependency of it, that has its `Access`.
ACCESS_ATTRIBUTE = "access"


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
        if not self.allows(principal.scopes):
            words = " or ".join(scope.value for scope in KeyScope if scope in self.any_of)
            raise Forbidden(
                f"This {principal.kind.value} does not have the scope {words}.",
                remedy="Ask the operator of this gateway for a key with this scope.",
            )


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


COOKIE = "safelight_session"
#: The managed tenant in which a person acts. It gives no access: each request checks that the person may.
TENANT_COOKIE = "safelight_tenant"
#: The same for an API key.
TENANT_HEADER = "Safelight-Tenant"
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
    `BadInput` for a wrong choice of a managed tenant.
    """
    token = read_key(request)
    if token is not None:
        known = accounts.recall(token)
        key = known if known is not None else await threads.run(accounts.authenticate, token)
        tenant = _chosen_by_header(request)
        return key if tenant is None else await threads.run(accounts.managed.act_in, key, tenant)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise Unauthenticated(
            "An API key is needed: `Authorization: Bearer <key>`.",
            remedy="`safelight keys create` makes one.",
        )
    check_same_origin(request)
    refuse_tenant_header(request)
    person = await threads.run(accounts.sessions.authenticate, cookie)
    return await act_in_chosen_tenant(request, person, accounts, threads)


def _chosen_by_header(request: Request) -> str | None:
    """The tenant in which a key acts. Raises `BadInput` for several: a proxy may have added one."""
    chosen = request.headers.getlist(TENANT_HEADER)
    if len(chosen) > 1:
        raise BadInput(f"Send the header {TENANT_HEADER} once.")
    return chosen[0] if chosen else None


def refuse_tenant_header(request: Request) -> None:
    """Raise `BadInput` for a session with the header of keys: a change would be made in another tenant."""
    if TENANT_HEADER in request.headers:
        raise BadInput(
            f"The header {TENANT_HEADER} is for API keys, and this request has a session cookie.",
            remedy="Send an API key, or choose the tenant on the page of tenants and leave out the header.",
        )


async def act_in_chosen_tenant(
    request: Request, person: Principal, accounts: Accounts, threads: Threads
) -> Principal:
    """The person in the managed tenant that was chosen in this browser; unchanged without one.

    A choice that is not valid any more is ignored for reading: the page shows no name of a tenant then.
    Raises `Conflict` for a change.
    """
    chosen = request.cookies.get(TENANT_COOKIE)
    if not chosen:
        return person
    try:
        return await threads.run(accounts.managed.act_in, person, chosen)
    except (Forbidden, NotFound) as error:
        if request.method not in _SAFE:
            raise Conflict(
                "You cannot act in the tenant any more that you had chosen.", remedy="Open the page again."
            ) from error
        return person


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
    """Set the session cookie. Scripts cannot read it, and browsers never send it across sites.

    It deletes the choice of a managed tenant, which may be that of the last person at this browser.
    """
    choose_tenant(response, request, "")
    set_private_cookie(response, request, COOKIE, token, max_age_s=max_age_s)


def clear_session(response: Response, request: Request) -> None:
    """Delete the session cookie, and the choice of a managed tenant."""
    for name in (COOKIE, TENANT_COOKIE):
        _delete_private_cookie(response, request, name)


def _delete_private_cookie(response: Response, request: Request, name: str) -> None:
    secure = request.url.scheme == "https"
    response.delete_cookie(name, httponly=True, samesite="strict", secure=secure, path="/")


def choose_tenant(response: Response, request: Request, tenant: str) -> None:
    """Let the person act in this managed tenant until the browser is closed; empty: in the own tenant."""
    if tenant:
        set_private_cookie(response, request, TENANT_COOKIE, tenant)
    else:
        _delete_private_cookie(response, request, TENANT_COOKIE)
