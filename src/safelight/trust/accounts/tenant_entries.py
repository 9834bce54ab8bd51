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


def is_entry_due(tx: Transaction, principal: Principal, entered: str) -> bool:
    """Whether the log of this transaction's tenant has no entry of today."""
    row = tx.one(tenant_entries, *_of(principal, entered))
    return row is None or _is_other_day(row.day, _today(tx))


def log_entry(tx: Transaction, principal: Principal, entered: str, *, is_choice: bool = False) -> None:
    """Append an entry to the log of this transaction's tenant, unless it has one of today or `is_choice`.

    Of several transactions at the same time, one appends it.
    """
    today, day = _today(tx), tenant_entries.c.day
    # The row is written first: another transaction waits for it, and then finds today.
    is_first = tx.insert_or_ignore(
        tenant_entries, principal_id=principal.id, entered=entered, day=today
    ) or tx.update(tenant_entries, *_of(principal, entered), or_(day < today, day > today + 1), day=today)
    if is_first or is_choice:
        tx.append_audit("tenant.entered", subject=entered, actor=principal.id, content={})


def _of(principal: Principal, entered: str) -> tuple[ColumnElement[bool], ...]:
    return tenant_entries.c.principal_id == principal.id, tenant_entries.c.entered == entered


def _today(tx: Transaction) -> int:
    return int(tx.now() // _DAY_S)


def _is_other_day(day: int, today: int) -> bool:
    """The next day is not one: around midnight, the clock of another process may be ahead of this one."""
    return not today <= day <= today + 1
