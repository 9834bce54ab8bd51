"""People who sign in, and their states."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.accounts import KeyRecord, KeyScope, Role
from safelight.accounts.store import ACTIVE
from safelight.core.records import Seconds, Shown

#: The languages of our pages and messages.
LANGUAGES = ("en", "zh-Hant", "zh-Hans")
_PRIVILEGED = frozenset({KeyScope.REVIEW, KeyScope.POLICY, KeyScope.ADMIN, KeyScope.PEOPLE, KeyScope.VAULT})


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
class PersonStatus(Shown):
    """What is stored of a person and shown."""

    id: str
    name: str
    email: str
    role: Role
    language: str
    state: PersonState
    created_at: Seconds
    created_by: str
    recovery_codes_left: int


@dataclass(frozen=True, kw_only=True)
class Person(PersonStatus):
    """A person of a tenant, without what proves their identity."""

    tenant: str


class KeysOfDisabled(StrEnum):
    """Which API keys that a person created end when the person is disabled."""

    #: Those that decide, manage or reach the vault: with them the person could go on. Keys of applications
    #: stay, so that production does not stop.
    PRIVILEGED = "privileged"
    ALL = "all"
    NONE = "none"

    @property
    def scopes(self) -> frozenset[KeyScope]:
        """A key with any of these scopes ends."""
        if self is KeysOfDisabled.PRIVILEGED:
            return _PRIVILEGED
        return frozenset(KeyScope) if self is KeysOfDisabled.ALL else frozenset()


@dataclass(frozen=True, kw_only=True)
class DisabledPerson:
    """A person who was disabled, and what became of the API keys that this person had created."""

    person: Person
    revoked_keys: tuple[KeyRecord, ...]
    #: They still work, and the person may know them.
    kept_keys: tuple[KeyRecord, ...]


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
