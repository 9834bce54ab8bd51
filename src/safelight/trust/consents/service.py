"""Recording and ending consents and protections; every change is on the audit log, no template ever is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.detectors.likeness.dlib_faces import VERSION
from safelight.detectors.likeness.matching import EnrolledPerson
from safelight.errors import Conflict, InvalidField, NotFound
from safelight.ids import new_id
from safelight.store import tables
from safelight.store.database import Database
from safelight.store.transaction import Transaction

from . import store
from .encryption import TemplateKey
from .models import Consent, ConsentScope, Protected, check_scope, check_words
from .store import TemplateVector

#: A picture of exactly one person to a template of the face, or a recording of one to that of the voice.
Enrol = Callable[[Path], TemplateVector]

_MOST_FILES = 10


class Consents:
    """The consents of a tenant. Templates of one that ended are deleted, its record stays."""

    def __init__(self, database: Database, key: TemplateKey, face: Enrol, voice: Enrol) -> None:
        self._database, self._key, self._face, self._voice = database, key, face, voice

    def add(
        self,
        tenant: str,
        *,
        subject: str,
        scope: Iterable[str],
        who: str,
        given_by: str,
        pictures: Sequence[Path] = (),
        recordings: Sequence[Path] = (),
        expires_at: float | None = None,
        by: str = "operator",
    ) -> Consent:
        """Record a consent that the subject gave; `given_by` says how, files show and let hear them alone.

        Raises `InvalidField`, and `InvalidMedia` for a file that does not show exactly one face, or in which
        no single voice is heard for long enough.
        """
        scopes = check_scope(scope)
        checked = {
            "subject": check_words(subject, "subject"),
            "scope": [one.value for one in scopes],
            "who": check_words(who, "who"),
            "given_by": check_words(given_by, "given_by"),
            "expires_at": expires_at,
        }
        for scope_, files, param in (
            (ConsentScope.LIKENESS, pictures, "pictures"),
            (ConsentScope.VOICE, recordings, "recordings"),
        ):
            if scope_ in scopes and not files:
                raise InvalidField(
                    f"A consent to a {scope_.value} needs a {param.removesuffix('s')} of the subject.",
                    param=param,
                    remedy="Name a file.",
                )
            if scope_ not in scopes and files:
                raise InvalidField(
                    f"{param.capitalize()} go with the scope {scope_.value} only.", param=param
                )
        described = [*_described(pictures, self._face), *_described(recordings, self._voice)]
        with self._database.transaction(tenant) as tx:
            now = tx.now()
            if expires_at is not None and expires_at <= now:
                raise InvalidField("The expiry has passed.", param="expires", remedy="Name a later time.")
            self._tidy(tx, now)
            identity = new_id("consent")
            tx.insert(tables.consents, id=identity, created_at=now, **checked)
            store.put(tx, self._key, tenant, identity, described)
            tx.append_audit("consent.added", subject=identity, actor=by, content=checked)
            return _consent(tx, identity)

    def list(self, tenant: str) -> tuple[Consent, ...]:
        """All ever recorded, oldest first."""
        with self._database.read_transaction(tenant) as tx:
            counts = store.counts(tx)
            rows = tx.select(tables.consents, order_by=(tables.consents.c.created_at, tables.consents.c.id))
            return tuple(store.consent(row, counts.get(row.id, store.StoredTemplate())) for row in rows)

    def revoke(self, tenant: str, identity: str, *, who: str, by: str = "operator") -> Consent:
        """End a consent at once, and delete its templates. Raises `NotFound` where it is not in force."""
        who = check_words(who, "who")
        with self._database.transaction(tenant) as tx:
            now = tx.now()
            row = tx.one(tables.consents, tables.consents.c.id == identity, lock=True)
            if row is None or row.revoked_at is not None:
                raise NotFound(f"No consent {identity!r} is in force.", remedy="See: safelight consents list")
            tx.update(tables.consents, tables.consents.c.id == identity, revoked_at=now, revoked_by=who)
            gone = store.delete_templates(tx, (identity,))
            self._tidy(tx, now)
            tx.append_audit(
                "consent.revoked", subject=identity, actor=by, content={"who": who, "templates": gone}
            )
            return _consent(tx, identity)

    def tidy(self, tenant: str) -> int:
        """Delete the templates of consents that have expired; how many there were."""
        with self._database.transaction(tenant) as tx:
            return self._tidy(tx, tx.now())

    def _tidy(self, tx: Transaction, now: float) -> int:
        rows = tx.select(tables.consents, tables.consents.c.expires_at <= now)
        return store.delete_templates(tx, (row.id for row in rows))


class ProtectedPeople:
    """The protected people of a tenant: enrolled from files, looked for, and never searched for by a file."""

    def __init__(self, database: Database, key: TemplateKey, face: Enrol, voice: Enrol) -> None:
        self._database, self._key, self._face, self._voice = database, key, face, voice

    def add(
        self,
        tenant: str,
        *,
        name: str,
        pictures: Sequence[Path] = (),
        recordings: Sequence[Path] = (),
        who: str,
        public_figure: bool = False,
        by: str = "operator",
    ) -> Protected:
        """Protect somebody. Raises `InvalidField`, `Conflict` for a name that is there, `InvalidMedia`."""
        checked = {
            "name": check_words(name, "name"),
            "who": check_words(who, "who"),
            "public_figure": public_figure,
        }
        if not pictures and not recordings:
            raise InvalidField(
                "Somebody is protected by a picture or a recording.", param="pictures", remedy="Name a file."
            )
        described = [*_described(pictures, self._face), *_described(recordings, self._voice)]
        with self._database.transaction(tenant) as tx:
            if tx.one(tables.protected_people, tables.protected_people.c.name == checked["name"]) is not None:
                raise Conflict(
                    f"{checked['name']!r} is in the gallery.",
                    param="name",
                    remedy="Remove them first: safelight gallery remove",
                )
            identity = new_id("protected")
            tx.insert(tables.protected_people, id=identity, created_at=tx.now(), **checked)
            store.put(tx, self._key, tenant, identity, described)
            tx.append_audit("gallery.added", subject=identity, actor=by, content=checked)
            return _protected(tx, identity)

    def list(self, tenant: str) -> tuple[Protected, ...]:
        """Everybody who is protected, by name."""
        with self._database.read_transaction(tenant) as tx:
            counts = store.counts(tx)
            rows = tx.select(tables.protected_people, order_by=(tables.protected_people.c.name,))
            return tuple(store.protected(row, counts.get(row.id, store.StoredTemplate())) for row in rows)

    def remove(self, tenant: str, name_or_id: str, *, who: str, by: str = "operator") -> Protected:
        """Delete somebody's entry and templates. Raises `NotFound`."""
        who = check_words(who, "who")
        table = tables.protected_people
        with self._database.transaction(tenant) as tx:
            row = tx.one(table, (table.c.id == name_or_id) | (table.c.name == name_or_id), lock=True)
            if row is None:
                raise NotFound(
                    f"Nobody in the gallery is called {name_or_id!r}.", remedy="See: safelight gallery list"
                )
            gone = store.delete_templates(tx, (row.id,))
            tx.delete(table, table.c.id == row.id)
            tx.append_audit(
                "gallery.removed", subject=row.id, actor=by, content={"who": who, "templates": gone}
            )
            return store.protected(row, store.StoredTemplate())


@dataclass(frozen=True, kw_only=True)
class EnrolledLookup:
    """The `ConsentLookup` of an installation, for faces or for voices."""

    database: Database
    key: TemplateKey
    #: What a consent has to be for, and the model that describes the like.
    scope: ConsentScope = ConsentScope.LIKENESS
    model: str = VERSION

    def consented(self, tenant: str) -> tuple[EnrolledPerson, ...]:
        """Templates of consents of this scope that are in force."""
        with self.database.read_transaction(tenant) as tx:
            now = tx.now()
            rows = [
                row
                for row in tx.select(tables.consents, tables.consents.c.revoked_at.is_(None))
                if self.scope.value in row.scope and (row.expires_at is None or now < row.expires_at)
            ]
            found = store.unsealed(tx, self.key, tenant, self.model, {row.id for row in rows})
        return tuple(
            EnrolledPerson(record=row.id, name=row.subject, template=template)
            for row in rows
            for template in found.get(row.id, ())
        )

    def protected(self, tenant: str) -> tuple[EnrolledPerson, ...]:
        """Templates of the gallery."""
        with self.database.read_transaction(tenant) as tx:
            rows = tx.select(tables.protected_people)
            found = store.unsealed(tx, self.key, tenant, self.model, {row.id for row in rows})
        return tuple(
            EnrolledPerson(record=row.id, name=row.name, template=template, public_figure=row.public_figure)
            for row in rows
            for template in found.get(row.id, ())
        )


def _described(files: Sequence[Path], enrol: Enrol) -> list[TemplateVector]:
    if len(files) > _MOST_FILES:
        raise InvalidField(f"At most {_MOST_FILES} pictures, and as many recordings, of one person.")
    return [enrol(path) for path in files]


def _consent(tx: Transaction, identity: str) -> Consent:
    row = tx.one(tables.consents, tables.consents.c.id == identity)
    assert row is not None
    return store.consent(row, store.counts(tx).get(identity, store.StoredTemplate()))


def _protected(tx: Transaction, identity: str) -> Protected:
    row = tx.one(tables.protected_people, tables.protected_people.c.id == identity)
    assert row is not None
    return store.protected(row, store.counts(tx).get(identity, store.StoredTemplate()))
