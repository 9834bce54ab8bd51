"""Converts rows of the table `policies`, and selects the rows of a tenant."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row

from safelight.store.tables import policies

from .models import PublishedPolicy


def policy_from_row(row: Row[Any]) -> PublishedPolicy:
    return PublishedPolicy(
        id=row.id,
        tenant=row.tenant_id,
        name=row.name,
        version=row.version,
        sha256=row.sha256,
        published_at=row.published_at,
        published_by=row.published_by,
        active=row.active,
    )


def belongs_to(tenant: str | None) -> ColumnElement[bool]:
    """Selects the rows of exactly this tenant. None: the rows of the whole installation."""
    return policies.c.tenant_id.is_(None) if tenant is None else policies.c.tenant_id == tenant
