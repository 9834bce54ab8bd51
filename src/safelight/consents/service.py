"""Records, lists and revokes consents, manages protected people, and looks up their templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.detectors.likeness.dlib_faces import VERSION
from safelight.detectors.likeness.matching import EnrolledPerson
from safelight.policy.intended_use import ConsentScope
from safelight.store import tables
from safelight.store.database import Database, Transaction

from . import store
from .encryption import TemplateKey
from .limits import limits_of
from .models import (
    SUBJECT,
    Consent,
    NewConsent,
    NewProtectedPerson,
    ProtectedPerson,
    validate_line,
)
from .store import TemplateVector

#: Computes the template of a picture with exactly one face.
Enroll = Callable[[Path], TemplateVector]

#: Maximum number of pictures of one person.
_MAX_FILES = 10


class _EnrolledFaces:
    def __init__(self, database: Database, key: TemplateKey, face: Enroll) -> None:
        self._database, self._key, self._face = database, key, face


class Consents(_EnrolledFaces):
    """The consents of a tenant. When a consent ends, its templates are deleted, but its record stays."""

    def add(self, tenant: str, new: NewConsent, *, by: str = "operator") -> Consent:
        """Record a consent. `by` is the id of the principal that entered it.

        Raises `InvalidField`, and `InvalidMedia` for a picture without exactly one face.
        """
        columns = {
            "subject": validate_line(new.subject, "subject"),
            "scope": [ConsentScope.LIKENESS.value],
            "recorded_by": validate_line(new.recorded_by, "recorded_by"),
            "evidence": validate_line(new.evidence, "evidence"),
            "expires_at": new.expires_at,
        }
        vectors = _enroll_all(new.pictures, self._face, "A consent")
        with self._database.transaction(tenant) as tx:
            now = tx.now()
            if new.expires_at is not None and new.expires_at <= now:
                raise InvalidField(
                    "The expiry time is in the past.", param="expires", remedy="Name a later time."
                )
            _delete_expired(tx, now)
            identity = new_id("consent")
            tx.insert(tables.consents, id=identity, created_at=now, **columns)
            store.store_templates(tx, self._key, tenant, identity, vectors)
            tx.append_audit("consent.added", subject=identity, actor=by, content=columns)
            return _get_consent(tx, identity)

    def list(self, tenant: str) -> tuple[Consent, ...]:
        """Every recorded consent of the tenant, oldest first."""
        with self._database.read_transaction(tenant) as tx:
            counts = store.count_templates(tx)
            rows = tx.select(tables.consents, order_by=(tables.consents.c.created_at, tables.consents.c.id))
        return tuple(_consent(row, counts) for row in rows)

    def revoke(self, tenant: str, identity: str, *, revoked_by: str, by: str = "operator") -> Consent:
        """End a consent and delete its templates. Raises `NotFound` if the consent is not in force."""
        revoked_by = validate_line(revoked_by, "revoked_by")
        if revoked_by == SUBJECT:
            raise InvalidField(
                "The person who is shown withdraws a consent with their own link.",
                param="revoked_by",
                remedy="Name the person who decides this here.",
            )
        with self._database.transaction(tenant) as tx:
            now = tx.now()
            row = store.lock_consent(tx, identity)
            if row is None or row.revoked_at is not None:
                raise NotFound(f"No consent {identity!r} is in force.", remedy="See: safelight consents list")
            store.end_consent(tx, identity, revoked_by=revoked_by, actor=by)
            _delete_expired(tx, now)
            return _get_consent(tx, identity)

    def delete_expired_templates(self, tenant: str) -> int:
        """Delete the templates of consents that have expired. Returns the number deleted."""
        with self._database.transaction(tenant) as tx:
            return _delete_expired(tx, tx.now())


class ProtectedPeople(_EnrolledFaces):
    """The protected people of a tenant.

    Their faces are detected in videos. No method searches for a person by a file.
    """

    def add(self, tenant: str, new: NewProtectedPerson, *, by: str = "operator") -> ProtectedPerson:
        """Add a protected person. `by` is the id of the principal that entered it.

        Raises `InvalidField`, `InvalidMedia`, and `Conflict` if a person of this name is protected already.
        """
        columns = {
            "name": validate_line(new.name, "name"),
            "recorded_by": validate_line(new.recorded_by, "recorded_by"),
            "public_figure": new.public_figure,
        }
        vectors = _enroll_all(new.pictures, self._face, "A protected person")
        table = tables.protected_people
        with self._database.transaction(tenant) as tx:
            if tx.one(table, table.c.name == columns["name"]) is not None:
                raise Conflict(
                    f"{columns['name']!r} is protected already.",
                    param="name",
                    remedy="Remove the existing entry first: safelight protected-people remove",
                )
            identity = new_id("protected")
            tx.insert(table, id=identity, created_at=tx.now(), **columns)
            store.store_templates(tx, self._key, tenant, identity, vectors)
            tx.append_audit("gallery.added", subject=identity, actor=by, content=columns)
            row = tx.one(table, identity)
            assert row is not None
            return _person(row, store.count_templates(tx))

    def list(self, tenant: str) -> tuple[ProtectedPerson, ...]:
        """Every protected person, by name."""
        with self._database.read_transaction(tenant) as tx:
            counts = store.count_templates(tx)
            rows = tx.select(tables.protected_people, order_by=(tables.protected_people.c.name,))
        return tuple(_person(row, counts) for row in rows)

    def remove(
        self, tenant: str, name_or_id: str, *, removed_by: str, by: str = "operator"
    ) -> ProtectedPerson:
        """Remove a protected person and delete the templates. Raises `NotFound` for any other person."""
        removed_by = validate_line(removed_by, "removed_by")
        table = tables.protected_people
        with self._database.transaction(tenant) as tx:
            row = tx.one(table, (table.c.id == name_or_id) | (table.c.name == name_or_id), lock=True)
            if row is None:
                raise NotFound(
                    f"No protected person has the name or id {name_or_id!r}.",
                    remedy="See: safelight protected-people list",
                )
            deleted = store.delete_templates(tx, (row.id,))
            tx.delete(table, row.id)
            content = {"removed_by": removed_by, "templates": deleted}
            tx.append_audit("gallery.removed", subject=row.id, actor=by, content=content)
            return store.person_from_row(row, 0)


@dataclass(frozen=True, kw_only=True)
class EnrolledLookup:
    """Implements `ConsentLookup`."""

    database: Database
    key: TemplateKey

    def consented(self, tenant: str) -> tuple[EnrolledPerson, ...]:
        """The templates of all consents to a likeness that are in force."""
        with self.database.read_transaction(tenant) as tx:
            now = tx.now()
            rows = [
                row
                for row in tx.select(tables.consents, tables.consents.c.revoked_at.is_(None))
                if ConsentScope.LIKENESS.value in row.scope
                and (row.expires_at is None or now < row.expires_at)
            ]
            found = store.decrypt_templates(tx, self.key, tenant, VERSION, {row.id for row in rows})
            limits = limits_of(tx, rows)
        return tuple(
            EnrolledPerson(
                record=row.id,
                name=row.subject,
                template=template,
                limits=limits.get(row.id),
            )
            for row in rows
            for template in found.get(row.id, ())
        )

    def protected(self, tenant: str) -> tuple[EnrolledPerson, ...]:
        """The templates of all protected people."""
        with self.database.read_transaction(tenant) as tx:
            rows = tx.select(tables.protected_people)
            found = store.decrypt_templates(tx, self.key, tenant, VERSION, {row.id for row in rows})
        return tuple(
            EnrolledPerson(record=row.id, name=row.name, template=template, public_figure=row.public_figure)
            for row in rows
            for template in found.get(row.id, ())
        )


def _enroll_all(files: Sequence[Path], enroll: Enroll, subject: str) -> list[TemplateVector]:
    if not files:
        raise InvalidField(f"{subject} needs at least one picture.", param="pictures", remedy="Name a file.")
    if len(files) > _MAX_FILES:
        raise InvalidField(f"At most {_MAX_FILES} pictures of one person are accepted.")
    return [enroll(path) for path in files]


def _delete_expired(tx: Transaction, now: float) -> int:
    rows = tx.select(tables.consents, tables.consents.c.expires_at <= now)
    return store.delete_templates(tx, (row.id for row in rows))


def _consent(row: Any, counts: dict[str, int]) -> Consent:
    return store.consent_from_row(row, counts.get(row.id, 0))


def _person(row: Any, counts: dict[str, int]) -> ProtectedPerson:
    return store.person_from_row(row, counts.get(row.id, 0))


def _get_consent(tx: Transaction, identity: str) -> Consent:
    row = tx.one(tables.consents, identity)
    assert row is not None
    return _consent(row, store.count_templates(tx))
