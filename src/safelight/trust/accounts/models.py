"""Tenants, principals and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.errors import Forbidden


class KeyScope(StrEnum):
    """One thing a principal may do."""

    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    #: Lint, preflight, explanations.
    CHECKS = "checks"
    REVIEW = "review"
    POLICY = "policy"
    ADMIN = "admin"
    #: What is vaulted or quarantined.
    VAULT = "vault"
    #: The safety test card, once a gate is set.
    TEST = "test"


#: Who acts at the terminal, and signs in by its link.
OPERATOR = "operator"
#: What a key for an application gets where nothing else is said.
APPLICATION = frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS})


class PrincipalKind(StrEnum):
    KEY = "key"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who acts, a person or a key, and for which tenant."""

    tenant: str
    id: str
    kind: PrincipalKind
    name: str
    scopes: frozenset[KeyScope]

    def may(self, scope: KeyScope) -> bool:
        """Whether this was granted. No scope contains another: an admin does not see the vault."""
        return scope in self.scopes

    def require(self, scope: KeyScope) -> None:
        """Raise `Forbidden` unless this was granted."""
        if scope not in self.scopes:
            raise Forbidden(
                f"This {self.kind.value} does not have the scope {scope.value}.",
                remedy="Ask the person who runs this gateway for a key with it.",
            )


@dataclass(frozen=True, kw_only=True)
class Tenant:
    id: str
    name: str
    created_at: float


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """A key without its token, which nobody can read again."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[KeyScope]
    created_at: float
    created_by: str
    revoked_at: float | None
    #: To the minute.
    last_used_at: float | None


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    principal: Principal
    created_at: float
    expires_at: float
