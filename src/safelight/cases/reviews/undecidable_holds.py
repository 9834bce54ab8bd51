"""Open holds that no enrolled person may decide."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select

from safelight.accounts import KeyScope
from safelight.accounts.deciders import has_holder
from safelight.store.database import Transaction
from safelight.store.tables import cases
from safelight.videos.case_rows.models import CaseKind, CaseState

_OPEN_HOLDS = (
    cases.c.state == CaseState.OPEN.value,
    cases.c.kind == CaseKind.HOLD.value,
    # Near-duplicates are decided with their leader.
    cases.c.leader_id.is_(None),
)


def count_undecidable(whole: Transaction, tenant: str | None = None) -> Counter[KeyScope]:
    """The number of open holds that no key in force and no enrolled person may decide, by the scope that is
    missing. `tenant`: only its holds.
    """
    where = _OPEN_HOLDS if tenant is None else (*_OPEN_HOLDS, cases.c.tenant_id == tenant)
    counted = (
        select(cases.c.tenant_id, cases.c.quarantined, func.count().label("number"))
        .where(*where)
        .group_by(cases.c.tenant_id, cases.c.quarantined)
    )
    found: Counter[KeyScope] = Counter()
    for row in whole.execute(counted):
        scope = KeyScope.VAULT if row.quarantined else KeyScope.REVIEW
        if not has_holder(whole.of_tenant(row.tenant_id), {scope}):
            found[scope] += row.number
    return found
