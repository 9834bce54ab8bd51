"""The keys and people who may decide cases of a tenant, and the leases of cases that they have."""

from __future__ import annotations

from collections.abc import Collection

from safelight.store.database import Filter, Row, Transaction
from safelight.store.tables import api_keys, cases, people

from .models import DECIDING, OPERATOR, ROLES, KeyScope
from .store import ACTIVE, parse_scopes


def find_deciders(tx: Transaction, *, vault: bool) -> frozenset[str]:
    """The ids of those who may decide a case of the tenant of this transaction.

    For a quarantined case (`vault`): the keys and people with the scope `vault`. For other cases: those with
    the scope `review`, and the local operator.
    """
    if vault:
        return find_holders(tx, {KeyScope.VAULT})
    return find_holders(tx, {KeyScope.REVIEW}) | {OPERATOR}


def find_holders(tx: Transaction, scopes: Collection[KeyScope]) -> frozenset[str]:
    """The ids of the keys in force and active people with any of these."""
    enrolled = tx.select(people, *_active(scopes), columns=[people.c.id])
    return frozenset(row.id for row in (*enrolled, *_keys_in_force(tx, scopes)))


def find_tenants_with_deciders(whole: Transaction) -> frozenset[str]:
    """The ids of the tenants that have a key in force or active person with a scope that decides cases.

    `whole`: a transaction across tenants. Keys are read once for all tenants.
    """
    enrolled = whole.select(people, *_active(DECIDING), columns=[people.c.tenant_id])
    return frozenset(row.tenant_id for row in (*enrolled, *_keys_in_force(whole, DECIDING)))


def has_holder(tx: Transaction, scopes: Collection[KeyScope]) -> bool:
    """Whether `find_holders` finds any. Keys, of which there are many, are read only without a person."""
    return bool(tx.count(people, *_active(scopes)) or _keys_in_force(tx, scopes))


def has_person(tx: Transaction, scope: KeyScope) -> bool:
    """Whether an active person has this scope. Keys do not count."""
    return tx.count(people, *_active({scope})) > 0


def leased_to(decider: str) -> tuple[Filter, ...]:
    """The condition on the cases that this key or person has open or reserved."""
    # The index has only leased cases, and SQLite uses it only if the condition is repeated.
    return cases.c.leased_by == decider, cases.c.leased_by.is_not(None)


def give_leases_back(tx: Transaction, decider: str, *where: Filter) -> None:
    """Return cases that this key or person has open or reserved to the queue."""
    tx.update(cases, *leased_to(decider), *where, leased_by=None, leased_until=None, reserved=False)


def _active(scopes: Collection[KeyScope]) -> tuple[Filter, ...]:
    roles = [role.value for role, given in ROLES.items() if not given.scopes.isdisjoint(scopes)]
    return people.c.state == ACTIVE, people.c.role.in_(roles)


def _keys_in_force(tx: Transaction, scopes: Collection[KeyScope]) -> list[Row]:
    columns = [api_keys.c.id, api_keys.c.tenant_id, api_keys.c.scopes]
    keys = tx.select(api_keys, api_keys.c.revoked_at.is_(None), columns=columns)
    return [row for row in keys if not parse_scopes(row.scopes).isdisjoint(scopes)]
