"""Tenants, principals and their scopes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.errors import Forbidden


class KeyScope(StrEnum):
    """One permission of a principal."""

    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    #: Prompt checks and explanations of provider errors.
    CHECKS = "checks"
    REVIEW = "review"
    POLICY = "policy"
    ADMIN = "admin"
    #: Vaulted and quarantined files and cases.
    VAULT = "vault"
    #: The safety test card, if it is enabled.
    TEST = "test"


#: The id of the principal at the terminal, and of sessions opened by its login link.
OPERATOR = "operator"
#: The default scopes of a key.
APPLICATION_SCOPES = frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS})


class PrincipalKind(StrEnum):
    KEY = "key"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A person or a key that acts for a tenant."""

    tenant: str
    id: str
    kind: PrincipalKind
    name: str
    scopes: frozenset[KeyScope]

    def has_scope(self, scope: KeyScope) -> bool:
        """Whether the scope was granted. No scope includes another: `admin` does not include `vault`."""
        return scope in self.scopes

    def require(self, scope: KeyScope) -> None:
        """Raise `Forbidden` unless the scope was granted."""
        if scope not in self.scopes:
            raise Forbidden(
                f"This {self.kind.value} does not have the scope {scope.value}.",
                remedy="Ask the operator of this gateway for a key with it.",
            )


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A customer of the installation, whose data is separate from all others."""

    id: str
    name: str
    created_at: float


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """An API key without its token, of which only a digest is stored."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[KeyScope]
    created_at: float
    created_by: str
    revoked_at: float | None
    #: Accurate to a minute.
    last_used_at: float | None


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """A session without its token."""

    principal: Principal
    created_at: float
    expires_at: float
