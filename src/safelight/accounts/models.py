"""Tenants, principals and their scopes."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from safelight.core.errors import Forbidden
from safelight.core.records import Seconds, Shown
from safelight.store.database import Transaction
from safelight.store.tables import api_keys

TENANT_SUBJECT = "tenant"
_ACCOUNT = "account:"
_END_USER = "end_user:"
#: The id of the principal that runs commands on the command line, and of the sessions that its login links
#: open.
OPERATOR = "operator"
KEY_PREFIX = "sk-safelight-"
LINK_PREFIX = "login-"
SESSION_PREFIX = "session-"
INVITATION_PREFIX = "invite-"
ACCESS_PREFIX = "access-"
CONSENT_PREFIX = "consent-"
CONSENT_PAGE_PREFIX = "mine-"
#: A token has 256 random bits and cannot be guessed, so the digest needs no salt and no slow hash. A
#: link has 192, so that it fits on a line of 80 columns.
_RANDOM_BYTES, _LINK_BYTES = 32, 24
_LINKS = frozenset({LINK_PREFIX, INVITATION_PREFIX, CONSENT_PREFIX, CONSENT_PAGE_PREFIX})
_RANDOM_PART, _LINK_PART = re.compile(r"[A-Za-z0-9_-]{43}"), re.compile(r"[A-Za-z0-9_-]{32}")

# The permissions of each role, in one table. Routes and services ask for scopes, never for a role.


class KeyScope(StrEnum):
    """One permission of a key or a person."""

    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    #: Lets a client check prompts and have provider errors explained.
    CHECKS = "checks"
    REVIEW = "review"
    POLICY = "policy"
    ADMIN = "admin"
    #: Lets a person invite other people, and change or end their roles.
    PEOPLE = "people"
    #: Gives access to quarantined files and cases, and to cases of vaulted videos, but to no vaulted file.
    VAULT = "vault"
    #: Lets a client use the safety test card, if the operator has enabled it.
    TEST = "test"
    #: Lets a monitoring system read `GET /metrics`.
    METRICS = "metrics"
    #: Lets an auditor follow cases and decisions and read the policy and what is checked, without prompts,
    #: media and the words of reporters.
    AUDIT = "audit"


#: A principal with one of these scopes decides cases.
DECIDING = frozenset({KeyScope.REVIEW, KeyScope.VAULT})
#: A principal with one of these scopes works with the data of other people of its tenant.
STAFF = DECIDING | {KeyScope.POLICY, KeyScope.ADMIN, KeyScope.PEOPLE, KeyScope.AUDIT}


class Role(StrEnum):
    """What a person does in this installation. A person has one role."""

    OWNER = "owner"
    TRUST_LEAD = "trust_lead"
    VAULT_OFFICER = "vault_officer"
    SENIOR_REVIEWER = "senior_reviewer"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    CREATOR = "creator"
    INTEGRATOR = "integrator"


class ReviewRank(IntEnum):
    """How far the decisions of a principal reach. An appeal needs an equal or higher rank."""

    #: Decides no cases.
    NONE = 0
    REVIEWER = 1
    SENIOR = 2
    LEAD = 3


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """The permissions of one role."""

    scopes: frozenset[KeyScope]
    review_rank: ReviewRank = ReviewRank.NONE


_REQUEST = frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS})
_REVIEW = frozenset({KeyScope.VIDEOS_READ, KeyScope.CHECKS, KeyScope.REVIEW})

#: The only place where a role gets its permissions. `vault` belongs to the vault officer alone: an owner who
#: needs it names another person.
ROLES: Mapping[Role, Permissions] = {
    Role.OWNER: Permissions(scopes=frozenset(KeyScope) - {KeyScope.VAULT}, review_rank=ReviewRank.LEAD),
    Role.TRUST_LEAD: Permissions(scopes=_REVIEW | {KeyScope.POLICY}, review_rank=ReviewRank.LEAD),
    Role.VAULT_OFFICER: Permissions(scopes=_REVIEW | {KeyScope.VAULT}, review_rank=ReviewRank.SENIOR),
    Role.SENIOR_REVIEWER: Permissions(scopes=_REVIEW, review_rank=ReviewRank.SENIOR),
    Role.REVIEWER: Permissions(scopes=_REVIEW, review_rank=ReviewRank.REVIEWER),
    Role.AUDITOR: Permissions(scopes=frozenset({KeyScope.METRICS, KeyScope.AUDIT})),
    Role.CREATOR: Permissions(scopes=_REQUEST),
    Role.INTEGRATOR: Permissions(
        scopes=_REQUEST | {KeyScope.ADMIN, KeyScope.TEST, KeyScope.METRICS},
    ),
}
#: The role with the fewest rights that decides cases which need this scope.
DECIDING_ROLES: Mapping[KeyScope, Role] = {
    KeyScope.REVIEW: Role.REVIEWER,
    KeyScope.VAULT: Role.VAULT_OFFICER,
}


# Whom a limit, a strike or a term applies to: the tenant, an account, or an end user.


def account_subject(principal_id: str) -> str:
    """The subject of an API key or a person."""
    return _ACCOUNT + principal_id


def end_user_subject(end_user: str) -> str:
    return _END_USER + end_user


def subjects_of(principal_id: str, end_user: str | None) -> tuple[str, ...]:
    """The subjects of a request, always in this order, so that two transactions cannot deadlock."""
    named = (end_user_subject(end_user),) if end_user else ()
    return (TENANT_SUBJECT, account_subject(principal_id), *named)


def split_subject(subject: str) -> tuple[str | None, str | None]:
    """The account and the end user of a subject; one of them, or none for the tenant."""
    if subject.startswith(_ACCOUNT):
        return subject.removeprefix(_ACCOUNT), None
    if subject.startswith(_END_USER):
        return None, subject.removeprefix(_END_USER)
    return None, None


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

    @property
    def review_rank(self) -> ReviewRank:
        """How far the decisions of this principal reach; `NONE` if it decides no cases."""
        if not self.scopes & DECIDING:
            return ReviewRank.NONE
        if self.role is not None:
            return ROLES[self.role].review_rank
        return ReviewRank.REVIEWER if self.kind is PrincipalKind.KEY else ReviewRank.LEAD

    def has_scope(self, scope: KeyScope) -> bool:
        """Whether the principal has the scope. No scope includes another: `admin` lacks `vault`."""
        return scope in self.scopes

    def has_one_of(self, scopes: Iterable[KeyScope]) -> bool:
        return not self.scopes.isdisjoint(scopes)

    def require(self, *any_of: KeyScope) -> None:
        """Raise `Forbidden` unless this principal has one of these scopes."""
        if not self.has_one_of(any_of):
            raise Forbidden(
                f"This {self.kind.value} does not have the scope {' or '.join(any_of)}.",
                remedy="Ask the operator of this gateway for a key with this scope."
                if self.kind is PrincipalKind.KEY
                else "Ask the owner of this installation for a role with this scope.",
            )


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A customer of the installation. The data of each tenant is separate from that of all others."""

    id: str
    name: str
    created_at: float


@dataclass(frozen=True, kw_only=True)
class KeyStatus(Shown):
    """What is stored of an API key and shown."""

    id: str
    name: str
    created_at: Seconds
    #: The time of the last use, accurate to a minute.
    last_used_at: Seconds | None
    revoked_at: Seconds | None


@dataclass(frozen=True, kw_only=True)
class KeyRecord(KeyStatus):
    """An API key as stored: without its token, of which the database has only a digest."""

    tenant: str
    scopes: frozenset[KeyScope]
    created_by: str


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


# Which principals are the same person: a person and the API keys that this person created.


def own_accounts(tx: Transaction, principal: Principal, accounts: Iterable[str]) -> frozenset[str]:
    """Those of these people and keys for which the principal stands alone: itself, and the keys that it
    created.

    Other keys of the same person do not count, because one person can create keys for many. The operator
    hands out the keys that are made at the terminal, and it is not known to whom.
    """
    wanted = set(accounts)
    own = wanted & {principal.id}
    if principal.id != OPERATOR and wanted - own:
        columns = api_keys.c
        made = (columns.id.in_(wanted - own), columns.created_by == principal.id)
        own |= {key.id for key in tx.select(api_keys, *made, columns=[columns.id])}
    return frozenset(own)


def find_same_people(tx: Transaction, principals: Iterable[str]) -> frozenset[str]:
    """These principals, the people who created those of them that are keys, and all keys of these people.

    Revoked keys count too. A key that was created at the terminal stands for a person of its own: the
    operator hands it out, and it is not known to whom.
    """
    columns = api_keys.c
    keys = tx.select(api_keys, columns.created_by != OPERATOR, columns=[columns.id, columns.created_by])
    found = set(principals)
    size = 0
    while size != len(found):
        size = len(found)
        for key in keys:
            if key.id in found or key.created_by in found:
                found |= {key.id, key.created_by}
    return frozenset(found)


# Creates and hashes tokens. A token is shown once, and only its digest is stored.


def new_token(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(_LINK_BYTES if prefix in _LINKS else _RANDOM_BYTES)


def is_well_formed(token: str, prefix: str) -> bool:
    """Whether the token has the format of our tokens. Checked before the database is read."""
    part = _LINK_PART if prefix in _LINKS else _RANDOM_PART
    return token.startswith(prefix) and part.fullmatch(token[len(prefix) :]) is not None


def hash_token(token: str) -> str:
    """The digest of a token, which is stored and looked up.

    The look-up time reveals nothing about how much of a token is correct.
    """
    return hashlib.sha256(token.encode()).hexdigest()
