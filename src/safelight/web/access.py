"""What a route needs from its caller. Every route declares it; a test compares it with the table of roles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Forbidden
from safelight.trust.accounts import KeyScope, Principal

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
