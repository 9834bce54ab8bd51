from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safelight.consents import (
    Consents,
    EnrolledLookup,
    NewConsent,
    NewProtectedPerson,
    ProtectedPeople,
    TemplateKey,
    TemplateVector,
)
from safelight.core.errors import Conflict, InvalidField, NotFound, SettingsError
from safelight.store.database import Database
from safelight.store.tables import audit_log, audit_log_contents, biometric_templates
from support.review_room import Clock

HERE, THERE = "tenant_here", "tenant_there"


@pytest.fixture
def key(tmp_path: Path) -> TemplateKey:
    return TemplateKey.load(tmp_path / "keys")


def described(path: Path) -> TemplateVector:
    """Replaces the face describer: the file name determines whose face the picture shows."""
    return TemplateVector(model="resnet-1", template=np.full(128, float(path.stem)))


@pytest.fixture
def consents(database: Database, key: TemplateKey) -> Consents:
    return Consents(database, key, described)


@pytest.fixture
def gallery(database: Database, key: TemplateKey) -> ProtectedPeople:
    return ProtectedPeople(database, key, described)


@pytest.fixture
def lookup(database: Database, key: TemplateKey) -> EnrolledLookup:
    return EnrolledLookup(database=database, key=key)


def given(**changes: Any) -> NewConsent:
    fields = {
        "subject": "Ann",
        "recorded_by": "Ada",
        "evidence": "signed form of 1 November",
        "pictures": [Path("1"), Path("2")],
    }
    return NewConsent(**(fields | changes))


def ben(**fields: Any) -> NewProtectedPerson:
    return NewProtectedPerson(name="Ben", recorded_by="Ada", **fields)


def templates(database: Database) -> list[Any]:
    with database.read_transaction(HERE) as tx:
        return list(tx.select(biometric_templates))


def test_a_consent_is_found_only_in_its_tenant_while_in_force(
    consents: Consents, lookup: EnrolledLookup, clock: Clock
) -> None:
    added = consents.add(HERE, given(expires_at=clock.now + 100))
    assert added.templates == 2
    found = lookup.consented(HERE)
    assert {(one.record, one.template[0]) for one in found} == {(added.id, 1.0), (added.id, 2.0)}
    assert lookup.consented(THERE) == consents.list(THERE) == ()
    with pytest.raises(NotFound):
        consents.revoke(THERE, added.id, revoked_by="Eve")
    clock.now += 100
    assert lookup.consented(HERE) == ()
    assert consents.delete_expired_templates(HERE) == 2
    assert consents.list(HERE)[0].templates == 0


def test_revoking_ends_it_at_once_and_deletes_its_templates(
    consents: Consents, lookup: EnrolledLookup, database: Database
) -> None:
    added = consents.add(HERE, given())
    ended = consents.revoke(HERE, added.id, revoked_by="Ann")
    assert (ended.revoked_by, ended.templates) == ("Ann", 0)
    assert lookup.consented(HERE) == ()
    assert templates(database) == []
    with pytest.raises(NotFound):
        consents.revoke(HERE, added.id, revoked_by="Ann")
    with pytest.raises(InvalidField, match="own link"):
        consents.revoke(HERE, added.id, revoked_by="subject")


def test_a_template_of_another_model_is_an_error(
    gallery: ProtectedPeople, lookup: EnrolledLookup, database: Database
) -> None:
    gallery.add(HERE, ben(pictures=[Path("7")]))
    with database.transaction(HERE) as tx:
        tx.update(biometric_templates, biometric_templates.c.number == 0, model="voice:other")
    with pytest.raises(SettingsError, match="another model"):
        lookup.protected(HERE)
    gallery.remove(HERE, "Ben", removed_by="Ada")
    assert lookup.protected(HERE) == ()


def test_templates_are_encrypted_and_bound_to_their_tenant_record_and_model(
    gallery: ProtectedPeople, database: Database, key: TemplateKey, tmp_path: Path
) -> None:
    added = gallery.add(HERE, ben(pictures=[Path("7")]))
    (row,) = templates(database)
    assert np.full(128, 7.0).tobytes() not in row.ciphertext
    bound = f"{HERE}|{added.id}|0|{row.model}"
    assert key.decrypt(row.ciphertext, bound) is not None
    for other in (f"{THERE}|{added.id}|0|{row.model}", f"{HERE}|{added.id}|0|another"):
        assert key.decrypt(row.ciphertext, other) is None
    assert key.decrypt(row.ciphertext[:-1] + bytes([row.ciphertext[-1] ^ 1]), bound) is None
    assert (tmp_path / "keys" / "templates.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "changes",
    [
        {"pictures": []},
        {"subject": " "},
        {"evidence": "line\nbreak"},
        {"recorded_by": "x" * 501},
        {"expires_at": 1.0},
        {"pictures": [Path("1")] * 11},
    ],
)
def test_an_invalid_consent_is_refused(consents: Consents, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidField):
        consents.add(HERE, given(**changes))
    assert consents.list(HERE) == ()


def test_a_protected_person_is_matched_until_removed(
    gallery: ProtectedPeople, lookup: EnrolledLookup
) -> None:
    added = gallery.add(HERE, ben(pictures=[Path("7")], public_figure=True))
    (found,) = lookup.protected(HERE)
    assert (found.record, found.public_figure, found.template[0]) == (added.id, True, 7.0)
    assert lookup.protected(THERE) == ()
    with pytest.raises(Conflict):
        gallery.add(HERE, ben(pictures=[Path("8")]))
    gallery.remove(HERE, "Ben", removed_by="Ada")
    assert (lookup.protected(HERE), gallery.list(HERE)) == ((), ())
    with pytest.raises(NotFound):
        gallery.remove(HERE, "Ben", removed_by="Ada")
    with pytest.raises(InvalidField):
        gallery.add(HERE, ben())


def test_every_change_is_audited_without_templates(
    consents: Consents, gallery: ProtectedPeople, database: Database
) -> None:
    added = consents.add(HERE, given())
    consents.revoke(HERE, added.id, revoked_by="Ann")
    gallery.add(HERE, ben(pictures=[Path("7")]))
    gallery.remove(HERE, "Ben", removed_by="Ada")
    with database.across_tenants("reading the log in a test", readonly=True) as tx:
        kinds = [row.event for row in tx.select(audit_log, order_by=(audit_log.c.seq,))]
        told = json.dumps([str(row) for row in tx.select(audit_log_contents)])
    assert kinds == ["consent.added", "consent.revoked", "gallery.added", "gallery.removed"]
    assert "sealed" not in told


def test_a_lost_key_is_an_error_and_not_an_empty_list_of_people(
    gallery: ProtectedPeople, database: Database, tmp_path: Path
) -> None:
    gallery.add(HERE, ben(pictures=[Path("7")]))
    other = EnrolledLookup(database=database, key=TemplateKey.load(tmp_path / "other"))
    with pytest.raises(SettingsError, match="cannot be decrypted"):
        other.protected(HERE)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "templates.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="does not contain keys"):
        TemplateKey.load(tmp_path / "broken")
