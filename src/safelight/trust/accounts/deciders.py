"""The keys and people who may decide cases of a tenant: its own, and those of its manager."""

from __future__ import annotations

from collections.abc import Collection

from safelight.store.tables import api_keys, people
from safelight.store.transaction import Transaction

from .models import OPERATOR
from .permissions import ROLES, KeyScope
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
    """The ids of the keys in force and active people, here and in the managing tenant, with any of these."""
    roles = [role.value for role, given in ROLES.items() if not given.scopes.isdisjoint(scopes)]
    found: set[str] = set()
    for part in (tx, tx.of_manager()):
        if part is None:
            continue
        active = people.c.state == ACTIVE, people.c.role.in_(roles)
        found |= {row.id for row in part.select(people, *active, columns=[people.c.id])}
        in_force = api_keys.c.revoked_at.is_(None)
        keys = part.select(api_keys, in_force, columns=[api_keys.c.id, api_keys.c.scopes])
        found |= {row.id for row in keys if not parse_scopes(row.scopes).isdisjoint(scopes)}
    return frozenset(found)
