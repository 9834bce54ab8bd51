"""Tenants, principals and their scopes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.errors import Forbidden


class KeyScope(StrEnum):
    """One permission of a key or a person."""

    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    #: Lets a client check prompts and have provider errors explained.
    CHECKS = "checks"
    REVIEW = "review"
    POLICY = "policy"
    ADMIN = "admin"
    #: Gives access to vaulted files, and to quarantined files and cases.
    VAULT = "vault"
    #: Lets a client use the safety test card, if the operator has enabled it.
    TEST = "test"
    #: Lets a monitoring system read `GET /metrics`.
    METRICS = "metrics"


#: The id of the principal that runs commands on the command line, and of the sessions that its login links
#: open.
OPERATOR = "operator"
#: The scopes of a new API key if no scopes are named.
APPLICATION_SCOPES = frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS})


class PrincipalKind(StrEnum):
    KEY = "key"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A person or an API key that acts for a tenant."""

    tenant: str
    id: str
    kind: PrincipalKind
    name: str
    scopes: frozenset[KeyScope]

    def has_scope(self, scope: KeyScope) -> bool:
        """Whether the principal has the scope. No scope includes another: `admin` lacks `vault`."""
        return scope in self.scopes

    def require(self, scope: KeyScope) -> None:
        """Raise `Forbidden` unless this principal has the scope."""
        if scope not in self.scopes:
            raise Forbidden(
                f"This {self.kind.value} does not have the scope {scope.value}.",
                remedy="Ask the operator of this gateway for a key with this scope.",
            )


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A customer of the installation. The data of each tenant is separate from that of all others."""

    id: str
    name: str
    created_at: float


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """An API key as stored: without its token, of which the database has only a digest."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[KeyScope]
    created_at: float
    created_by: str
    revoked_at: float | None
    #: The time of the last use, accurate to a minute.
    last_used_at: float | None


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """A session as stored, without its token."""

    principal: Principal
    created_at: float
    expires_at: float
