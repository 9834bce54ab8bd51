"""Views of the resources for which the API has no route: what `--json` shows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import PlainSerializer

from safelight.accounts import ROLES, KeyRecord, KeyScope, Tenant
from safelight.accounts.models import KeyStatus
from safelight.accounts.people import DisabledPerson, Invitation
from safelight.accounts.people.models import Person, PersonStatus
from safelight.consents import Consent, ProtectedPerson
from safelight.consents.models import ConsentStatus, ProtectedPersonStatus
from safelight.core.records import Seconds, Shown
from safelight.policy.waivers import Waiver, WaiverRecord
from safelight.web.views import show


@dataclass(frozen=True, kw_only=True)
class ShownKey(KeyStatus):
    object: Literal["key"] = "key"
    scopes: Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str])]


@dataclass(frozen=True, kw_only=True)
class KeyOwner(Shown):
    id: str
    object: Literal["tenant"] = "tenant"
    name: str


@dataclass(frozen=True, kw_only=True)
class OwnedKey(ShownKey):
    tenant: KeyOwner


@dataclass(frozen=True, kw_only=True)
class KeyWithToken(OwnedKey):
    key: str


@dataclass(frozen=True, kw_only=True)
class LoginLink(Shown):
    object: Literal["key.login"] = "key.login"
    path: str
    #: With the address of the settings; none if they name a free port.
    link: str | None


@dataclass(frozen=True, kw_only=True)
class ShownPerson(PersonStatus):
    object: Literal["person"] = "person"


@dataclass(frozen=True, kw_only=True)
class PersonWithoutAccess(ShownPerson):
    revoked_keys: tuple[ShownKey, ...]
    kept_keys: tuple[ShownKey, ...]


@dataclass(frozen=True, kw_only=True)
class PersonInvitation(Shown):
    object: Literal["person.invitation"] = "person.invitation"
    person: ShownPerson
    link: str
    expires_at: Seconds


@dataclass(frozen=True, kw_only=True)
class ShownRole(Shown):
    id: str
    object: Literal["role"] = "role"
    scopes: tuple[str, ...]
    review_rank: str


@dataclass(frozen=True, kw_only=True)
class RecordedConsent(ConsentStatus):
    object: Literal["consent"] = "consent"
    in_force: bool


@dataclass(frozen=True, kw_only=True)
class ShownProtectedPerson(ProtectedPersonStatus):
    object: Literal["protected_person"] = "protected_person"


@dataclass(frozen=True, kw_only=True)
class ShownWaiver(WaiverRecord):
    object: Literal["waiver"] = "waiver"
    in_force: bool


def show_key(key: KeyRecord, owner: Tenant) -> OwnedKey:
    return show(OwnedKey, key, tenant=show(KeyOwner, owner))


def show_new_key(key: KeyRecord, owner: Tenant, token: str) -> KeyWithToken:
    return show(KeyWithToken, show_key(key, owner), key=token)


def show_person(person: Person) -> ShownPerson:
    return show(ShownPerson, person)


def show_disabled(done: DisabledPerson) -> PersonWithoutAccess:
    revoked, kept = (
        tuple(show(ShownKey, key) for key in keys) for keys in (done.revoked_keys, done.kept_keys)
    )
    return show(PersonWithoutAccess, done.person, revoked_keys=revoked, kept_keys=kept)


def show_invitation(made: Invitation, link: str) -> PersonInvitation:
    return show(PersonInvitation, made, person=show_person(made.person), link=link)


def show_roles() -> list[ShownRole]:
    return [
        ShownRole(
            id=role.value,
            scopes=tuple(scope.value for scope in KeyScope if scope in permissions.scopes),
            review_rank=permissions.review_rank.name.lower(),
        )
        for role, permissions in ROLES.items()
    ]


def show_consent(consent: Consent, now: float) -> RecordedConsent:
    return show(RecordedConsent, consent, in_force=consent.in_force(now))


def show_protected_person(person: ProtectedPerson) -> ShownProtectedPerson:
    return show(ShownProtectedPerson, person)


def show_waiver(waiver: Waiver, now: float) -> ShownWaiver:
    return show(ShownWaiver, waiver, in_force=waiver.in_force(now, loopback=True))
