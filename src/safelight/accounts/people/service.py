"""Invites people, changes their roles, and disables them. Every change is recorded in the audit log."""

from __future__ import annotations

import re

from sqlalchemy.exc import IntegrityError

from safelight.accounts import OPERATOR, KeyScope, Principal, Role
from safelight.accounts.deciders import give_leases_back
from safelight.accounts.keys import revoke_keys_of
from safelight.accounts.sessions import end_sessions
from safelight.accounts.store import principal_of_person
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.store.database import Database, Row, Transaction
from safelight.store.tables import openid_identities, people

from . import store
from .invitations import invite, withdraw_invitations
from .models import LANGUAGES, DisabledPerson, Invitation, KeysOfDisabled, NewPerson, Person, PersonState

_MAX_NAME_CHARACTERS = 100
MAX_EMAIL_CHARACTERS = 254
#: The plain form of RFC 5322 in ASCII. A comma, a comment or an address in <> would add or change recipients.
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+"
)


class People:
    """The people of all tenants. `principal` needs the scope `people`, which the owner has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, principal: Principal, new: NewPerson) -> Invitation:
        """Add a person and make their invitation.

        Raises `InvalidField`, and `Conflict` if a person with this address exists.
        """
        principal.require(KeyScope.PEOPLE)
        email = normalize_email(new.email)
        with self._database.transaction(principal.tenant) as tx:
            identity = new_id("user")
            try:
                tx.insert(
                    people,
                    id=identity,
                    name=_name(new.name),
                    email=email,
                    role=new.role.value,
                    language=_language(new.language),
                    state=PersonState.INVITED.value,
                    created_at=tx.now(),
                    created_by=principal.id,
                    recovery_codes=[],
                )
            except IntegrityError:
                raise Conflict(f"A person with the address {email} exists already.", param="email") from None
            tx.append_audit(
                "person.added",
                subject=identity,
                actor=principal.id,
                content={"name": new.name.strip(), "email": email, "role": new.role.value},
            )
            return invite(tx, store.find_row(tx, identity))

    def list(self, principal: Principal) -> tuple[Person, ...]:
        """All people of the tenant, oldest first."""
        principal.require(KeyScope.PEOPLE)
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(people, order_by=(people.c.created_at, people.c.id))
        return tuple(store.person_from_row(row) for row in rows)

    def get(self, tenant: str, person: str) -> Person:
        """The person with this id. Raises `NotFound`."""
        with self._database.read_transaction(tenant) as tx:
            return store.person_from_row(store.find_row(tx, person))

    def find(self, principal: Principal, id_or_email: str) -> Person:
        """The person with this id or e-mail address. Raises `NotFound`."""
        known = {word: each for each in self.list(principal) for word in (each.id, each.email)}
        found = known.get(id_or_email.strip().lower())
        if found is None:
            raise NotFound(f"There is no person {id_or_email[:80]!r}.", remedy="See: safelight people list")
        return found

    def find_principal(self, principal: Principal, who: str) -> Principal | None:
        """The enrolled person with this id, e-mail address or name, as they act now; None if there is none.

        Raises `InvalidField` if several people have this name or the person may not sign in, and `NotFound`
        for an id or an address that belongs to no person.
        """
        named = [person for person in self.list(principal) if person.name.lower() == who.strip().lower()]
        if len(named) > 1:
            raise InvalidField(
                f"{len(named)} people are called {who[:80]!r}.", param="by", remedy="Name the e-mail address."
            )
        if not named and "@" not in who and not who.strip().startswith("user_"):
            return None
        person = named[0] if named else self.find(principal, who)
        with self._database.read_transaction(principal.tenant) as tx:
            found = principal_of_person(store.find_row(tx, person.id))
        if found is None:
            raise InvalidField(f"{person.name} is {person.state.value} and decides nothing.", param="by")
        return found

    def change_role(self, principal: Principal, person: str, role: Role) -> Person:
        """Give a person another role. It applies from their next request on.

        Raises `Conflict` for the last owner.
        """
        principal.require(KeyScope.PEOPLE)
        with self._database.transaction(principal.tenant) as tx:
            give_role(tx, person, role, by=principal.id)
            return store.person_from_row(store.find_row(tx, person))

    def disable(
        self, principal: Principal, person: str, keys: KeysOfDisabled = KeysOfDisabled.PRIVILEGED
    ) -> DisabledPerson:
        """End the sessions of a person at once, refuse further sign-ins, and revoke keys that they created.

        Raises `Conflict` for the last owner.
        """
        principal.require(KeyScope.PEOPLE)
        with self._database.transaction(principal.tenant) as tx:
            row = _changeable(tx, person, keeps_owner=False)
            if row.state == PersonState.DISABLED:
                raise Conflict(f"{row.name} is disabled already.", param="person")
            _forget_proofs(tx, person, PersonState.DISABLED)
            withdraw_invitations(tx, person)
            tx.append_audit("person.disabled", subject=person, actor=principal.id, content={})
            end_sessions(tx, person, by=principal.id)
            revoked, kept = revoke_keys_of(tx, person, keys.scopes, by=principal.id)
            return DisabledPerson(
                person=store.person_from_row(store.find_row(tx, person)), revoked_keys=revoked, kept_keys=kept
            )

    def reset(self, principal: Principal, person: str) -> Invitation:
        """Forget password, authenticator and recovery codes, end all sessions, and invite the person again.

        This also lets a disabled person in again. Raises `Conflict` for the last owner, whom only the
        operator at the terminal can reset.
        """
        principal.require(KeyScope.PEOPLE)
        with self._database.transaction(principal.tenant) as tx:
            _changeable(tx, person, keeps_owner=principal.id == OPERATOR)
            _forget_proofs(tx, person, PersonState.INVITED)
            tx.append_audit("person.reset", subject=person, actor=principal.id, content={})
            end_sessions(tx, person, by=principal.id)
            return invite(tx, store.find_row(tx, person))

    def set_language(self, principal: Principal, language: str) -> None:
        """Store the language of the person who asks."""
        with self._database.transaction(principal.tenant) as tx:
            tx.update(people, principal.id, language=_language(language))


def normalize_email(email: str) -> str:
    """The address in lower case. Raises `InvalidField` if it is not an e-mail address."""
    cleaned = email.strip().lower()
    if len(cleaned) > MAX_EMAIL_CHARACTERS or not _EMAIL.fullmatch(cleaned):
        raise InvalidField("That is not an e-mail address.", param="email", remedy="Send ada@example.com.")
    return cleaned


def give_role(tx: Transaction, person: str, role: Role, *, by: str) -> None:
    """Give a person this role. Raises `Conflict` for the last active owner."""
    row = _changeable(tx, person, keeps_owner=role is Role.OWNER)
    if row.role != role.value:
        tx.update(people, person, role=role.value)
        give_leases_back(tx, person)
        content = {"from": row.role, "to": role.value}
        tx.append_audit("person.role_changed", subject=person, actor=by, content=content)


def _forget_proofs(tx: Transaction, person: str, state: PersonState) -> None:
    """Forget everything with which a person signs in."""
    tx.update(
        people,
        person,
        state=state.value,
        password_hash=None,
        totp_secret=None,
        totp_step=None,
        recovery_codes=[],
    )
    tx.delete(openid_identities, openid_identities.c.person_id == person)
    give_leases_back(tx, person)


def lock_owners(tx: Transaction) -> list[Row]:
    """The rows of all owners, locked in one order, so that two owners cannot remove each other at the same
    time. Call it before another person is locked.
    """
    return tx.select(people, people.c.role == Role.OWNER.value, order_by=(people.c.id,), lock=True)


def _changeable(tx: Transaction, person: str, *, keeps_owner: bool) -> Row:
    """The locked row of a person. Raises `Conflict` if the change would leave no active owner."""
    owners = lock_owners(tx)
    row = store.find_row(tx, person, lock=True)
    active = {owner.id for owner in owners if owner.state == PersonState.ACTIVE}
    if active == {person} and not keeps_owner:
        raise Conflict(
            f"{row.name} is the last active owner.",
            param="person",
            remedy="Give another active person the role owner first.",
        )
    return row


def _name(name: str) -> str:
    cleaned = name.strip()
    if not cleaned or len(cleaned) > _MAX_NAME_CHARACTERS or not cleaned.isprintable():
        raise InvalidField(f"A name has 1 to {_MAX_NAME_CHARACTERS} printable characters.", param="name")
    return cleaned


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise InvalidField(
            f"{language[:20]!r} is not a language of the pages.",
            param="language",
            remedy=f"Use one of: {', '.join(LANGUAGES)}.",
        )
    return language
