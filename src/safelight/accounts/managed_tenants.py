"""Tenants of applicants and invited people, which the people of another tenant manage.

A managed tenant has keys and no people. The people of its manager decide its cases: they act in it with the
scopes `REACH`, and never request, change or delete anything on behalf of its keys.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, tuple_

from safelight.core.errors import Conflict, Forbidden, NotFound
from safelight.core.ids import is_id, new_id
from safelight.store.database import Database, Transaction
from safelight.store.tables import access_requests, account_invitations, tenant_entries, tenants

from .access_texts import access_text
from .deciders import find_tenants_with_holders, has_holder
from .keys import read_tenant, revoke_all_keys
from .models import DECIDING, AccessState, KeyScope, Principal, Tenant
from .store import tenant_from_row
from .terms import Terms, set_first_terms

# Entries of the audit log for principals that act in a tenant which their own tenant manages.
#
# Requests are not logged one by one: the log has the first of each day (UTC) of each principal in each
# tenant, and each choice of a tenant on the page.

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


#: The scopes of a principal that it keeps when it acts in a managed tenant.
REACH = frozenset({KeyScope.VIDEOS_READ, KeyScope.REVIEW, KeyScope.VAULT, KeyScope.ADMIN})
#: The states of a request whose applicant has access.
GRANTED = (AccessState.APPROVED, AccessState.COLLECTED)
_MAX_NAME_CHARACTERS = 100
#: A name with a number at its end keeps at least this many of its first characters.
_KEPT_CHARACTERS = 80
_MAX_LISTED = 200
#: For a name without a printable character.
_NO_NAME = "Applicant"


class TenantChoice(StrEnum):
    """To which tenant a new key belongs."""

    #: A new tenant, whose data no key of another account can reach.
    OWN = "own"
    #: The tenant of the person who decides or invites: for colleagues.
    SHARED = "shared"


@dataclass(frozen=True, kw_only=True)
class NewTenant:
    manager: str
    #: As an applicant wrote it.
    name: str
    #: The id of the access request or invitation.
    origin: str
    terms: Terms
    made_by: str


def add_managed_tenant(whole: Transaction, new: NewTenant) -> Transaction:
    """Create a tenant in an open transaction across tenants. Returns the part for the new tenant.

    Raises `InvalidField` for wrong terms.
    """
    # Two grants at the same time must not choose the same name.
    whole.one(tenants, tenants.c.id == new.manager, lock=True)
    tx = whole.of_tenant(new_id("tenant"))
    assert tx.tenant is not None
    alike = tenants.c.name.istartswith(_comparable_start(clean_name(new.name)), autoescape=True)
    taken = {row.name.casefold() for row in whole.select(tenants, alike, columns=[tenants.c.name])}
    name = choose_name(new.name, lambda wanted: wanted.casefold() in taken)
    tx.insert(tenants, name=name, created_at=tx.now(), managed_by=new.manager, origin=new.origin)
    content = {"name": name, "managed_by": new.manager, "origin": new.origin}
    tx.append_audit("tenant.created", subject=tx.tenant, actor=new.made_by, content=content)
    if new.terms != Terms():
        set_first_terms(tx, new.terms, by=new.made_by)
    return tx


def choose_name(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """The name in one printable line; if it is taken, with the first free number."""
    name = clean_name(wanted)
    number = 1
    found = name
    while is_taken(found):
        number += 1
        ending = f" ({number})"
        found = name[: _MAX_NAME_CHARACTERS - len(ending)].rstrip() + ending
    return found


def clean_name(wanted: str) -> str:
    """A name that a stranger wrote, in one line of printable characters."""
    printable = "".join(each if each.isprintable() else " " for each in wanted)
    return " ".join(printable.split())[:_MAX_NAME_CHARACTERS].rstrip() or _NO_NAME


def _comparable_start(name: str) -> str:
    """The start of a name in which both databases find upper and lower case equal: SQLite does for ASCII."""
    start = name[:_KEPT_CHARACTERS]
    return "".join(takewhile(lambda each: each.isascii() or each.lower() == each.upper(), start))


def find_manager(tx: Transaction) -> str:
    """The tenant that manages this one, or would manage a new one: there is one level."""
    own = read_tenant(tx)
    return own.managed_by or own.id


class ManagedTenants:
    """Lists and closes the tenants that a tenant manages, and lets its people act in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, principal: Principal, *, after: str | None = None, ids: Collection[str] | None = None
    ) -> tuple[Tenant, ...]:
        """A page of the tenants that the principal's tenant manages, or of those of them with these ids:
        newest first, after the one with the id `after`.
        """
        _require_reach(principal)
        of = tenants.c
        where: list[ColumnElement[bool]] = [of.managed_by == principal.tenant]
        if ids is not None:
            where.append(of.id.in_(ids))
        with self._database.across_tenants("tenants of a manager", readonly=True) as tx:
            if after is not None:
                last = _find(tx, principal, after)
                where.append(tuple_(of.created_at, of.id) < tuple_(last.created_at, last.id))
            order = (of.created_at.desc(), of.id.desc())
            rows = tx.select(tenants, *where, order_by=order, limit=_MAX_LISTED)
        return tuple(tenant_from_row(row) for row in rows)

    def act_in(self, principal: Principal, tenant: str) -> Principal:
        """This principal in a managed tenant, with those of its scopes that reach there.

        The audit log of its own tenant has the first time of each day. Raises `NotFound` if its own tenant
        does not manage this one, and `Forbidden` without such a scope.
        """
        _require_reach(principal)
        with self._database.across_tenants("acting in a managed tenant", readonly=True) as whole:
            row = _find(whole, principal, tenant)
            is_due = is_entry_due(whole.of_tenant(principal.tenant), principal, row.id)
        if is_due:
            with self._database.transaction(principal.tenant) as tx:
                log_entry(tx, principal, row.id)
        return _act(principal, row)

    def enter(self, principal: Principal, tenant: str) -> Principal:
        """The same as `act_in`, when a person chooses the tenant: the own audit log has each choice."""
        _require_reach(principal)
        with self._database.across_tenants("entering a managed tenant") as whole:
            row = _find(whole, principal, tenant)
            log_entry(whole.of_tenant(principal.tenant), principal, row.id, is_choice=True)
        return _act(principal, row)

    def close(self, principal: Principal, tenant: str, *, reason: str) -> Tenant:
        """Revoke all keys and open invitations of a managed tenant, and refuse new ones. Its data stays.

        Raises `NotFound`, and `Conflict` if it is closed already.
        """
        principal.require(KeyScope.ADMIN)
        reason = access_text(reason, "reason")
        with self._database.across_tenants("closing a tenant") as whole:
            row, asked = _find(whole, principal, tenant), access_requests.c
            manager = whole.of_tenant(principal.tenant)
            # First, as when access is withdrawn: two transactions that lock in another order can deadlock.
            granted = asked.own_tenant == row.id, asked.state.in_(GRANTED)
            requests = manager.select(access_requests, *granted, lock=True)
            close_tenant(whole.of_tenant(row.id), reason=reason, by=principal.id)
            manager.update(
                access_requests,
                *granted,
                state=AccessState.WITHDRAWN.value,
                decided_by=principal.id,
                decided_at=manager.now(),
                reason=reason,
            )
            # Also in the audit log of the manager, whose people do not read that of the closed tenant.
            content = {"reason": reason, "requests": [one.id for one in requests]}
            manager.append_audit("tenant.closed", subject=row.id, actor=principal.id, content=content)
            return tenant_from_row(_find(whole, principal, tenant))

    def reopen(self, principal: Principal, tenant: str) -> Tenant:
        """Let a closed tenant get keys again. Its old keys stay revoked."""
        principal.require(KeyScope.ADMIN)
        with self._database.across_tenants("opening a tenant again") as whole:
            row = _find(whole, principal, tenant)
            tx = whole.of_tenant(row.id)
            if not tx.update(tenants, tenants.c.closed_at.is_not(None), closed_at=None):
                raise Conflict(f"The tenant {row.id} is open.", param="tenant_id")
            for one in (tx, whole.of_tenant(principal.tenant)):
                one.append_audit("tenant.reopened", subject=row.id, actor=principal.id, content={})
            return tenant_from_row(_find(whole, principal, tenant))

    def manager(self, tenant: str) -> str | None:
        """The tenant that manages this one, if any."""
        with self._database.read_transaction(tenant) as tx:
            row = tx.one(tenants)
        return None if row is None else row.managed_by

    def has_reviewer(self, tenant: str) -> bool:
        """Whether a key or an active person may decide the cases of this tenant, also one of its manager."""
        with self._database.read_transaction(tenant) as tx:
            return has_holder(tx, DECIDING)

    def with_reviewer(self, tenants: Iterable[Tenant]) -> frozenset[str]:
        """The ids of those tenants for which `has_reviewer` is true, in one pass for all of them."""
        with self._database.across_tenants("who may decide cases", readonly=True) as whole:
            found = find_tenants_with_holders(whole, DECIDING)
        return frozenset(one.id for one in tenants if not found.isdisjoint({one.id, one.managed_by}))


def close_tenant(tx: Transaction, *, reason: str, by: str) -> None:
    """Close the tenant of this transaction. Raises `Conflict` if it is closed already."""
    own = read_tenant(tx, lock=True)
    if own.closed_at is not None:
        raise Conflict(f"The tenant {own.id} is closed already.", param="tenant_id")
    tx.update(tenants, closed_at=tx.now())
    keys = revoke_all_keys(tx, by=by)
    of = account_invitations.c
    tx.update(account_invitations, of.key_id.is_(None), of.revoked_at.is_(None), revoked_at=tx.now())
    tx.append_audit("tenant.closed", subject=own.id, actor=by, content={"reason": reason, "keys": keys})


def _act(principal: Principal, row: Row[Any]) -> Principal:
    """The principal in the tenant of this row."""
    scopes = principal.scopes & REACH
    if not scopes & DECIDING:
        # Only people who decide cases read videos of other tenants.
        scopes -= {KeyScope.VIDEOS_READ}
    return replace(principal, tenant=row.id, scopes=scopes, acts_in=row.name, manager=principal.tenant)


def _require_reach(principal: Principal) -> None:
    if not principal.scopes & (DECIDING | {KeyScope.ADMIN}) or principal.acts_in is not None:
        raise Forbidden(
            "Only people who review or administer this installation reach other tenants.",
            remedy="Ask the operator of this gateway.",
        )


def _find(tx: Transaction, principal: Principal, tenant: str) -> Row[Any]:
    row = None
    if is_id(tenant, "tenant"):
        row = tx.one(tenants, tenants.c.id == tenant, tenants.c.managed_by == principal.tenant)
    if row is None:
        raise NotFound(f"There is no tenant {tenant[:80]!r}.", param="tenant_id")
    return row
