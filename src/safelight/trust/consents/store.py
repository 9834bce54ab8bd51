"""Converts rows of consents and protected people, and stores their templates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from safelight.detectors.likeness.voices import FAMILY
from safelight.errors import SettingsError
from safelight.store import tables
from safelight.store.transaction import Transaction

from .encryption import Template, TemplateKey
from .models import Consent, ConsentScope, ProtectedPerson


@dataclass(frozen=True, kw_only=True)
class TemplateVector:
    """A template, and the model that computed it."""

    model: str
    template: Template


@dataclass(kw_only=True)
class TemplateCounts:
    """Number of templates of one record, and how many of these are voice templates."""

    templates: int = 0
    voices: int = 0


def consent_from_row(row: Row[Any], counts: TemplateCounts) -> Consent:
    return Consent(
        id=row.id,
        tenant=row.tenant_id,
        subject=row.subject,
        scope=tuple(ConsentScope(word) for word in row.scope),
        recorded_by=row.recorded_by,
        evidence=row.evidence,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        templates=counts.templates,
        voices=counts.voices,
    )


def person_from_row(row: Row[Any], counts: TemplateCounts) -> ProtectedPerson:
    return ProtectedPerson(
        id=row.id,
        tenant=row.tenant_id,
        name=row.name,
        public_figure=row.public_figure,
        recorded_by=row.recorded_by,
        created_at=row.created_at,
        templates=counts.templates,
        voices=counts.voices,
    )


def store_templates(
    tx: Transaction, key: TemplateKey, tenant: str, owner: str, vectors: Sequence[TemplateVector]
) -> None:
    """Encrypt and store the templates of one record."""
    for number, vector in enumerate(vectors):
        tx.insert(
            tables.biometric_templates,
            owner_id=owner,
            number=number,
            model=vector.model,
            ciphertext=key.encrypt(vector.template, _associated_data(tenant, owner, number, vector.model)),
        )


def delete_templates(tx: Transaction, owners: Iterable[str]) -> int:
    """Delete all templates of these records. Returns the number deleted."""
    templates = tables.biometric_templates
    return sum(tx.delete(templates, templates.c.owner_id == owner) for owner in owners)


def count_templates(tx: Transaction) -> dict[str, TemplateCounts]:
    """The number of templates of each record, by the record's id."""
    found: dict[str, TemplateCounts] = {}
    for row in tx.select(tables.biometric_templates):
        counts = found.setdefault(row.owner_id, TemplateCounts())
        counts.templates += 1
        counts.voices += _is_voice_model(row.model)
    return found


def decrypt_templates(
    tx: Transaction, key: TemplateKey, tenant: str, model: str, owners: Collection[str]
) -> dict[str, list[Template]]:
    """The templates of this model that belong to these records, by the record's id.

    Raises `SettingsError` for a template that cannot be decrypted, and for a template of the same kind
    (face or voice) from another model: otherwise a protected person would silently not be detected.
    """
    found: dict[str, list[Template]] = {}
    for row in tx.select(tables.biometric_templates):
        if row.owner_id not in owners or _is_voice_model(row.model) != _is_voice_model(model):
            continue
        if row.model != model:
            raise SettingsError(
                "A person on record was enrolled with another model, and cannot be compared by this one.",
                remedy="Enrol the person again, or set the model back.",
            )
        associated_data = _associated_data(tenant, row.owner_id, row.number, row.model)
        template = key.decrypt(row.ciphertext, associated_data)
        if template is None:
            raise SettingsError(
                "A template cannot be decrypted: the key is not the one that encrypted it.",
                remedy="Restore keys/templates.key from a backup, or enrol the people again.",
            )
        found.setdefault(row.owner_id, []).append(template)
    return found


def _is_voice_model(model: str) -> bool:
    return model.partition(":")[0] == FAMILY


def _associated_data(tenant: str, owner: str, number: int, model: str) -> str:
    return f"{tenant}|{owner}|{number}|{model}"
