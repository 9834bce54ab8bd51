"""Counts the open cases of the tenants that a tenant manages."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from safelight.accounts import DECIDING, Principal
from safelight.store.database import Database
from safelight.store.tables import cases, tenants
from safelight.videos.case_rows.models import CaseKind, CaseState

from .service import visible_to


@dataclass(frozen=True, kw_only=True)
class TenantCount:
    """The open cases of one tenant."""

    number: int
    #: Those whose due time is over.
    late: int
    #: When the oldest was opened.
    oldest_at: float


class ManagedCases:
    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, principal: Principal) -> dict[str, TenantCount]:
        """The open cases that this principal may see, of each managed tenant that has any."""
        if principal.manager is not None or not principal.scopes & DECIDING:
            return {}
        managed = select(tenants.c.id).where(tenants.c.managed_by == principal.tenant)
        counted = (
            select(
                cases.c.tenant_id,
                func.count().label("number"),
                func.count().filter(cases.c.due_at < self._database.clock()).label("late"),
                func.min(cases.c.opened_at).label("oldest_at"),
            )
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
            return {
                row.tenant_id: TenantCount(number=row.number, late=row.late, oldest_at=row.oldest_at)
                for row in tx.execute(counted)
            }
