"""Rows of consents and of protected people as models, and their templates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from safelight.errors import SettingsError
from safelight.store import tables
from safelight.store.transaction import Transaction

from .models import Consent, Protected, Scope
from .sealing import Template, TemplateKey


def consent(row: Row[Any], templates: int) -> Consent:
    return Consent(
        id=row.id,
        tenant=row.tenant_id,
        subject=row.subject,
        scope=tuple(Scope(word) for word in row.scope),
        who=row.who,
        given_by=row.given_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        templates=templates,
    )


def protected(row: Row[Any], templates: int) -> Protected:
    return Protected(
        id=row.id,
        tenant=row.tenant_id,
        name=row.name,
        public_figure=row.public_figure,
        who=row.who,
        created_at=row.created_at,
        templates=templates,
    )


def put(
    tx: Transaction, key: TemplateKey, tenant: str, owner: str, model: str, templates: Sequence[Template]
) -> None:
    """Keep the templates of one record."""
    for number, template in enumerate(templates):
        sealed = key.seal(template, _bound(tenant, owner, number, model))
        tx.insert(tables.templates, owner_id=owner, number=number, model=model, sealed=sealed)


def forget(tx: Transaction, owners: Iterable[str]) -> int:
    """Delete all templates of these records; how many there were."""
    return sum(tx.delete(tables.templates, tables.templates.c.owner_id == owner) for owner in owners)


def counts(tx: Transaction) -> dict[str, int]:
    """Templates by the record they belong to."""
    found: dict[str, int] = {}
    for row in tx.select(tables.templates):
        found[row.owner_id] = found.get(row.owner_id, 0) + 1
    return found


def unsealed(tx: Transaction, key: TemplateKey, tenant: str, model: str) -> dict[str, list[Template]]:
    """Templates of this model by the record they belong to.

    Raises `SettingsError` where one cannot be opened: somebody protected would not be looked for.
    """
    found: dict[str, list[Template]] = {}
    for row in tx.select(tables.templates, tables.templates.c.model == model):
        template = key.unseal(row.sealed, _bound(tenant, row.owner_id, row.number, row.model))
        if template is None:
            raise SettingsError(
                "A template cannot be opened: the key is not the one it was made with.",
                remedy="Bring keys/templates.key back from a backup, or enrol the people again.",
            )
        found.setdefault(row.owner_id, []).append(template)
    return found


def _bound(tenant: str, owner: str, number: int, model: str) -> str:
    return f"{tenant}|{owner}|{number}|{model}"
