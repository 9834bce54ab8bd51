"""Reads and writes consents and protected people, and stores their encrypted templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from safelight.core.errors import SettingsError
from safelight.store import tables
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record

from .encryption import Template, TemplateKey
from .models import Consent, ProtectedPerson

#: Topic of the outbox for the webhook of a consent that ended before its time.
WITHDRAWN_TOPIC = "consent.withdrawn"


@dataclass(frozen=True, kw_only=True)
class TemplateVector:
    """A template, with the name of the model that computed it."""

    model: str
    template: Template


def consent_from_row(row: Row, templates: int) -> Consent:
    return read_record(Consent, row, templates=templates)


def person_from_row(row: Row, templates: int) -> ProtectedPerson:
    return read_record(ProtectedPerson, row, templates=templates)


def store_templates(
    tx: Transaction, key: TemplateKey, tenant: str, owner: str, vectors: Sequence[TemplateVector]
) -> None:
    """Encrypt and store the templates of one consent or protected person."""
    for number, vector in enumerate(vectors):
        tx.insert(
            tables.biometric_templates,
            owner_id=owner,
            number=number,
            model=vector.model,
            ciphertext=key.encrypt(vector.template, _associated_data(tenant, owner, number, vector.model)),
        )


def delete_templates(tx: Transaction, owners: Iterable[str]) -> int:
    """Delete all templates of these consents or protected people. Returns the number of deleted templates."""
    templates = tables.biometric_templates
    return sum(tx.delete(templates, templates.c.owner_id == owner) for owner in owners)


def lock_consent(tx: Transaction, identity: str) -> Row | None:
    """The consent, locked after the request with the same id, if there is one.

    Everything that changes both rows locks them in this order; another order can deadlock.
    """
    tx.one(tables.consent_requests, identity, lock=True)
    return tx.one(tables.consents, identity, lock=True)


def end_consent(tx: Transaction, identity: str, *, revoked_by: str, actor: str) -> None:
    """End a consent and delete its templates. A webhook reports it.

    Afterwards `videos.consent_withdrawals` judges the videos that used it again, without the consent, and
    withdraws those that the policy holds or blocks.
    """
    lock_consent(tx, identity)
    tx.update(tables.consents, identity, revoked_at=tx.now(), revoked_by=revoked_by)
    # If the subject gave it by a link, the request has the same id.
    requests = tables.consent_requests
    tx.update(requests, identity, state="withdrawn", email="")
    deleted = delete_templates(tx, (identity,))
    tx.append_audit(
        "consent.revoked",
        subject=identity,
        actor=actor,
        content={"revoked_by": revoked_by, "templates": deleted},
    )
    tx.publish(WITHDRAWN_TOPIC, subject=identity, body={})


def count_templates(tx: Transaction) -> dict[str, int]:
    """The number of templates of every consent and protected person, by their id."""
    return Counter(row.owner_id for row in tx.select(tables.biometric_templates))


def decrypt_templates(
    tx: Transaction, key: TemplateKey, tenant: str, model: str, owners: Collection[str]
) -> dict[str, list[Template]]:
    """The decrypted templates of these consents or protected people, by their id.

    Raises `SettingsError` for a template that cannot be decrypted, and for one that another model
    computed. Ignoring such a template would silently leave a person without protection.
    """
    found: dict[str, list[Template]] = {}
    for row in tx.select(tables.biometric_templates):
        if row.owner_id not in owners:
            continue
        if row.model != model:
            raise SettingsError(
                "A stored template was computed by another model, so the configured model cannot compare it.",
                remedy="Enrol the person again.",
            )
        associated_data = _associated_data(tenant, row.owner_id, row.number, row.model)
        template = key.decrypt(row.ciphertext, associated_data)
        if template is None:
            raise SettingsError(
                "A stored template cannot be decrypted, because the key is not the one that encrypted it.",
                remedy="Restore keys/templates.key from a backup, or enrol the people again.",
            )
        found.setdefault(row.owner_id, []).append(template)
    return found


def _associated_data(tenant: str, owner: str, number: int, model: str) -> str:
    return f"{tenant}|{owner}|{number}|{model}"
