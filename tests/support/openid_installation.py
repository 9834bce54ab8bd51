"""A gateway with people and an OpenID provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from safelight.accounts import OPERATOR, KeyScope, Principal, PrincipalKind, Role
from safelight.accounts.openid import OpenIdRules, OpenIdSignIn
from safelight.accounts.people import NewPerson, People, Person
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from support.fake_api_server import Live
from support.openid_server import OpenIdServer


@dataclass(frozen=True)
class Installation:
    server: Live
    openid: OpenIdServer
    database: Database
    keys: KeyRing
    people: People
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def operator(self) -> Principal:
        return Principal(
            tenant=self.server.tenant,
            id=OPERATOR,
            kind=PrincipalKind.PERSON,
            name="operator",
            scopes=frozenset(KeyScope),
        )

    def invite(self, role: Role = Role.REVIEWER) -> tuple[Person, dict[str, Any]]:
        """An invited person, and the claims of their account at the provider."""
        name = f"person{next(self._numbers)}"
        new = NewPerson(name=name, email=f"{name}@example.com", role=role)
        person = self.people.add(self.operator, new).person
        return person, {"sub": f"sub-of-{name}", "email": person.email, "email_verified": True}

    def sign_in_service(self, rules: OpenIdRules | None = None) -> OpenIdSignIn:
        """The service as a gateway that has just started has it."""
        return OpenIdSignIn(self.database, self.keys, self.openid.provider(), rules or OpenIdRules())
