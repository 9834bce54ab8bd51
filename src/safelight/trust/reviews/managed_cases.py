"""Counts the open cases of the tenants that a tenant manages."""

from __future__ import annotations

from sqlalchemy import func, select

from safelight.store.database import Database
from safelight.store.tables import cases, tenants
from safelight.trust.accounts import DECIDING, Principal

from .models import CaseKind, CaseState
from .service import visible_to


class ManagedCases:
    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, principal: Principal) -> dict[str, int]:
        """The number of open cases that this principal may see, of each managed tenant that has any."""
        if principal.manager is not None or not principal.scopes & DECIDING:
            return {}
        managed = select(tenants.c.id).where(tenants.c.managed_by == principal.tenant)
        counted = (
            select(cases.c.tenant_id, func.count().label("number"))
            .where(
                cases.c.tenant_id.in_(managed),
                cases.c.state == CaseState.OPEN.value,
                cases.c.leader_id.is_(None),
                cases.c.kind != CaseKind.QUALITY.value,
                *visible_to(principal),
            )
            .group_by(cases.c.tenant_id)
        )
        with self._database.across_tenants("cases of managed tenants", readonly=True) as tx:
            return {row.tenant_id: row.number for row in tx.execute(counted)}
