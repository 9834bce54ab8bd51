"""Tenants, principals and their scopes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.errors import Forbidden

from .permissions import DECIDING, ROLES, KeyScope, ReviewRank, Role

#: The id of the principal that runs commands on the command line, and of the sessions that its login links
#: open.
OPERATOR = "operator"
#: The scopes of a new API key if no scopes are named.
APPLICATION_SCOPES = frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS})


class PrincipalKind(StrEnum):
    KEY = "key"
    PERSON = "person"


class AccessState(StrEnum):
    WAITING = "waiting"
    #: The applicant can collect the key.
    APPROVED = "approved"
    DECLINED = "declined"
    COLLECTED = "collected"
    #: It was approved, and a person ended the access later.
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A person or an API key that acts for a tenant."""

    tenant: str
    id: str
    kind: PrincipalKind
    name: str
    scopes: frozenset[KeyScope]
    #: The role of an enrolled person. None for keys, and for the operator at the terminal.
    role: Role | None = None
    #: The name of the managed tenant in which this principal acts, and the tenant of its manager. None in the
    #: own tenant.
    acts_in: str | None = None
    manager: str | None = None

    @property
    def home(self) -> str:
        """The tenant that this principal belongs to, with what is its own: preferences, exposure."""
        return self.manager or self.tenant

    @property
    def review_rank(self) -> ReviewRank:
        """How far the decisions of this principal reach; `NONE` if it decides no cases."""
        if not self.scopes & DECIDING:
            return ReviewRank.NONE
        if self.role is not None:
            return ROLES[self.role].review_rank
        return ReviewRank.REVIEWER if self.kind is PrincipalKind.KEY else ReviewRank.LEAD

    def require_home(self, message: str, *, remedy: str) -> None:
        """Raise `Forbidden` while this principal acts in a managed tenant."""
        if self.manager is not None:
            raise Forbidden(message, remedy=remedy)

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
    #: The tenant whose people manage this one and review its cases. None: it has people of its own.
    managed_by: str | None = None
    #: The access request or invitation that it was made for.
    origin: str | None = None
    #: It has no keys in force and gets no new ones. Its data stays.
    closed_at: float | None = None


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

    #: Identifies the session on pages. It gives no access.
    id: str
    principal: Principal
    created_at: float
    #: The session ends at this time at the latest.
    expires_at: float
    #: The time of the last request, accurate to a minute.
    last_used_at: float
    #: The browser as it described itself; empty if unknown.
    browser: str = ""
