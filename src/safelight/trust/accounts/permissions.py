"""The permissions of each role, in one table. Routes and services ask for scopes, never for a role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


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
    #: Gives access to vaulted files, and to quarantined files and cases.
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
