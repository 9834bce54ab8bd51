"""Which principals are the same person: a person and the API keys that this person created."""

from __future__ import annotations

from collections.abc import Iterable

from safelight.store.tables import api_keys
from safelight.store.transaction import Transaction

from .models import OPERATOR, Principal


def own_accounts(tx: Transaction, principal: Principal, accounts: Iterable[str]) -> frozenset[str]:
    """Those of these people and keys for which the principal stands alone: itself, and the keys that it
    created.

    Other keys of the same person do not count, because one person can create keys for many. The operator
    hands out the keys that are made at the terminal, and it is not known to whom.
    """
    wanted = set(accounts)
    own = wanted & {principal.id}
    if principal.id != OPERATOR and wanted - own:
        columns = api_keys.c
        made = (columns.id.in_(wanted - own), columns.created_by == principal.id)
        own |= {key.id for key in tx.select(api_keys, *made, columns=[columns.id])}
    return frozenset(own)


def find_same_people(tx: Transaction, principals: Iterable[str]) -> frozenset[str]:
    """These principals, the people who created those of them that are keys, and all keys of these people.

    Revoked keys count too. In a managed tenant, so do the keys of its manager: its people and their keys act
    there. A key that was created at the terminal stands for a person of its own: the operator hands it out,
    and it is not known to whom.
    """
    columns = api_keys.c
    manager = tx.of_manager()
    keys = [
        key
        for part in ((tx,) if manager is None else (tx, manager))
        for key in part.select(
            api_keys, columns.created_by != OPERATOR, columns=[columns.id, columns.created_by]
        )
    ]
    found = set(principals)
    size = 0
    while size != len(found):
        size = len(found)
        for key in keys:
            if key.id in found or key.created_by in found:
                found |= {key.id, key.created_by}
    return frozenset(found)
