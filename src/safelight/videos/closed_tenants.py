"""Videos of a closed tenant: none is submitted or delivered any more."""

from __future__ import annotations

from safelight.core.errors import AccountSuspended
from safelight.store.database import Transaction
from safelight.store.tables import tenants


def require_open(tx: Transaction) -> None:
    """Raise `AccountSuspended` if the tenant of this transaction was closed."""
    own = tx.one(tenants)
    if own is not None and own.closed_at is not None:
        raise AccountSuspended("The tenant of this video was closed, so the video was cancelled.")
