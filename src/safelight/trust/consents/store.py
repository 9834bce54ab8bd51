"""Rows of consents and of protected people as models, and their templates."""

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
from .models import Consent, ConsentScope, Protected


@dataclass(frozen=True, kw_only=True)
class TemplateVector:
    """A template, and the model that made it."""

    model: str
    template: Template


@dataclass(kw_only=True)
class StoredTemplate:
    """How many templates a record has, and how many of these are of the voice."""

    templates: int = 0
    voices: int = 0


def consent(row: Row[Any], kept: StoredTemplate) -> Consent:
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
        templates=kept.templates,
        voices=kept.voices,
    )


def protected(row: Row[Any], kept: StoredTemplate) -> Protected:
    return Protected(
        id=row.id,
        tenant=row.tenant_id,
        name=row.name,
        public_figure=row.public_figure,
        recorded_by=row.recorded_by,
        created_at=row.created_at,
        templates=kept.templates,
        voices=kept.voices,
    )


def put(
    tx: Transaction, key: TemplateKey, tenant: str, owner: str, described: Sequence[TemplateVector]
) -> None:
    """Keep the templates of one record."""
    for number, one in enumerate(described):
        sealed = key.encrypt(one.template, _bound(tenant, owner, number, one.model))
        tx.insert(
            tables.biometric_templates, owner_id=owner, number=number, model=one.model, ciphertext=sealed
        )


def delete_templates(tx: Transaction, owners: Iterable[str]) -> int:
    """Delete all templates of these records; how many there were."""
    return sum(
        tx.delete(tables.biometric_templates, tables.biometric_templates.c.owner_id == owner)
        for owner in owners
    )


def counts(tx: Transaction) -> dict[str, StoredTemplate]:
    """Templates by the record they belong to."""
    found: dict[str, StoredTemplate] = {}
    for row in tx.select(tables.biometric_templates):
        kept = found.setdefault(row.owner_id, StoredTemplate())
        kept.templates += 1
        kept.voices += _of_a_voice(row.model)
    return found


def unsealed(
    tx: Transaction, key: TemplateKey, tenant: str, model: str, owners: Collection[str]
) -> dict[str, list[Template]]:
    """Templates of this model by the record they belong to, of these records.

    Raises `SettingsError` where one cannot be opened, or is of a voice and was made by another model:
    somebody protected would not be looked for.
    """
    found: dict[str, list[Template]] = {}
    for row in tx.select(tables.biometric_templates):
        if row.owner_id not in owners or _of_a_voice(row.model) != _of_a_voice(model):
            continue
        if row.model != model:
            raise SettingsError(
                "Somebody on record was enrolled with another model, and cannot be compared by this one.",
                remedy="Enrol them again, or set the model back.",
            )
        template = key.decrypt(row.ciphertext, _bound(tenant, row.owner_id, row.number, row.model))
        if template is None:
            raise SettingsError(
                "A template cannot be opened: the key is not the one it was made with.",
                remedy="Bring keys/templates.key back from a backup, or enrol the people again.",
            )
        found.setdefault(row.owner_id, []).append(template)
    return found


def _of_a_voice(model: str) -> bool:
    return model.partition(":")[0] == FAMILY


def _bound(tenant: str, owner: str, number: int, model: str) -> str:
    return f"{tenant}|{owner}|{number}|{model}"
