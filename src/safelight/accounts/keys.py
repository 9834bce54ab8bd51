"""Adds and revokes API keys in an open transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from safelight.core.errors import BadInput, NotFound
from safelight.core.ids import new_id
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import api_keys, tenants

from .deciders import give_leases_back
from .models import KEY_PREFIX, KeyRecord, KeyScope, Tenant, hash_token, new_token
from .store import key_from_row

_MAX_NAME_CHARACTERS = 100


def add_key(
    tx: Transaction, name: str, scopes: Iterable[KeyScope], *, by: str, identity: str | None = None
) -> tuple[KeyRecord, str]:
    """Create an API key in the open transaction. Its token is returned only here and is not stored."""
    granted = frozenset(scopes)
    if not granted:
        raise BadInput("A key needs at least one scope.", param="scopes")
    token, tenant = new_token(KEY_PREFIX), read_tenant(tx)
    record = KeyRecord(
        id=identity or new_id("key"),
        tenant=tenant.id,
        name=validate_name(name),
        scopes=granted,
        created_at=tx.now(),
        created_by=by,
        revoked_at=None,
        last_used_at=None,
    )
    scope_names = sorted(scope.value for scope in granted)
    tx.insert(
        api_keys,
        id=record.id,
        name=record.name,
        digest=hash_token(token),
        scopes=scope_names,
        created_at=record.created_at,
        created_by=by,
    )
    tx.append_audit(
        "key.created",
        subject=record.id,
        actor=by,
        content={"name": record.name, "scopes": scope_names},
    )
    return record, token


def revoke_keys_of(
    tx: Transaction, person: str, scopes: frozenset[KeyScope], *, by: str
) -> tuple[tuple[KeyRecord, ...], tuple[KeyRecord, ...]]:
    """Revoke the keys with any of these scopes that a person created, or that were created with such keys.

    Returns the revoked keys, and those that still work. A process may accept a revoked key for up to
    `TOKEN_CACHE_S`.
    """
    revoked: list[KeyRecord] = []
    kept: list[KeyRecord] = []
    creators = {person}
    while creators:
        created = tx.select(api_keys, api_keys.c.created_by.in_(creators), lock=True)
        for row in created:
            if row.revoked_at is None:
                record = key_from_row(row)
                if record.scopes & scopes:
                    revoked.append(replace(record, revoked_at=_revoke(tx, row, by)))
                else:
                    kept.append(record)
        creators = {row.id for row in created}
    return tuple(revoked), tuple(kept)


def revoke_key_in(tx: Transaction, key: str, *, by: str) -> None:
    """Revoke a key in the open transaction, unless it was revoked before."""
    row = tx.one(api_keys, key, lock=True)
    if row is not None and row.revoked_at is None:
        _revoke(tx, row, by)


def _revoke(tx: Transaction, row: Row, by: str) -> float:
    now = tx.now()
    tx.update(api_keys, row.id, revoked_at=now)
    give_leases_back(tx, row.id)
    tx.append_audit("key.revoked", subject=row.id, actor=by, content={"name": row.name})
    return now


def read_tenant(tx: Transaction) -> Tenant:
    """The tenant of this transaction. Raises `NotFound`."""
    row = tx.one(tenants)
    if row is None:
        raise NotFound(f"There is no tenant {tx.tenant}.")
    return read_record(Tenant, row)


def validate_name(name: str) -> str:
    """The name without surrounding spaces. Raises `BadInput`."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > _MAX_NAME_CHARACTERS or not cleaned.isprintable():
        raise BadInput(f"A name has 1 to {_MAX_NAME_CHARACTERS} printable characters.", param="name")
    return cleaned
