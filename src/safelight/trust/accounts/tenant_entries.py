"""Entries of the audit log for principals that act in a tenant which their own tenant manages.

Requests are not logged one by one: the log has the first of each day (UTC) of each principal in each tenant,
and each choice of a tenant on the page.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from safelight.store.tables import tenant_entries
from safelight.store.transaction import Transaction

from .models import Principal

_DAY_S = 86_400
#: How far the clock of another process may be ahead around midnight: an entry of the next day counts for
#: today if it is not later than this. Synchronized clocks differ by less.
_CLOCK_TOLERANCE_S = 300


def is_entry_due(tx: Transaction, principal: Principal, managed_tenant: str) -> bool:
    """Whether the log of this transaction's tenant has no entry of today."""
    row = tx.one(tenant_entries, *_of(principal, managed_tenant))
    start, end = _times_of_today(tx)
    return row is None or not start <= row.entered_at < end


def log_entry(tx: Transaction, principal: Principal, managed_tenant: str, *, is_choice: bool = False) -> None:
    """Append an entry to the log of this transaction's tenant, unless it has one of today or `is_choice`.

    Of several transactions at the same time, one appends it.
    """
    at, (start, end) = tenant_entries.c.entered_at, _times_of_today(tx)
    # The row is written first: another transaction waits for it, and then finds today.
    is_first = tx.insert_or_ignore(
        tenant_entries, principal_id=principal.id, managed_tenant_id=managed_tenant, entered_at=tx.now()
    ) or tx.update(
        tenant_entries, *_of(principal, managed_tenant), or_(at < start, at >= end), entered_at=tx.now()
    )
    if is_first or is_choice:
        tx.append_audit("tenant.entered", subject=managed_tenant, actor=principal.id, content={})


def _of(principal: Principal, managed_tenant: str) -> tuple[ColumnElement[bool], ...]:
    columns = tenant_entries.c
    return columns.principal_id == principal.id, columns.managed_tenant_id == managed_tenant


def _times_of_today(tx: Transaction) -> tuple[float, float]:
    """The times from and before which an entry is one of today."""
    now = tx.now()
    start = now // _DAY_S * _DAY_S
    return start, max(start + _DAY_S, now + _CLOCK_TOLERANCE_S)
