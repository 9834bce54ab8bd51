"""Converts rows of the table `waivers`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from .models import Waiver


def waiver_from_row(row: Row[Any]) -> Waiver:
    return Waiver(
        id=row.id,
        name=row.name,
        decided_by=row.decided_by,
        reason=row.reason,
        categories=tuple(row.categories),
        created_at=row.created_at,
        expires_at=row.expires_at,
        loopback_only=row.loopback_only,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
    )
