"""People who sign in, and their states."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.trust.accounts import Role
from safelight.trust.accounts.store import ACTIVE

#: The languages of our pages and messages.
LANGUAGES = ("en", "zh-Hant", "zh-Hans")


class PersonState(StrEnum):
    #: Has not accepted the invitation yet, or was asked to set up the sign-in again.
    INVITED = "invited"
    ACTIVE = ACTIVE
    DISABLED = "disabled"


@dataclass(frozen=True, kw_only=True)
class NewPerson:
    name: str
    email: str
    role: Role
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person of a tenant, without what proves their identity."""

    id: str
    tenant: str
    name: str
    email: str
    role: Role
    language: str
    state: PersonState
    created_at: float
    created_by: str
    recovery_codes_left: int


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """The only copy of an invitation's token, with the person whom it lets in."""

    person: Person
    token: str
    expires_at: float

    @property
    def path(self) -> str:
        """The path of the page that accepts the invitation."""
        return f"/invitation?token={self.token}"
