"""Rows of the accounts tables as models, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from .models import KeyRecord, KeyScope, Principal, PrincipalKind, Tenant


def tenant(row: Row[Any]) -> Tenant:
    return Tenant(id=row.id, name=row.name, created_at=row.created_at)


def key(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        tenant=row.tenant_id,
        name=row.name,
        scopes=scopes(row.scopes),
        created_at=row.created_at,
        created_by=row.created_by,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


def key_principal(row: Row[Any]) -> Principal:
    return Principal(
        tenant=row.tenant_id,
        id=row.id,
        kind=PrincipalKind.KEY,
        name=row.name,
        scopes=scopes(row.scopes),
    )


def scopes(words: list[str]) -> frozenset[KeyScope]:
    """Scopes this version does not know grant nothing."""
    known = {scope.value: scope for scope in KeyScope}
    return frozenset(known[word] for word in words if word in known)


def pack(principal: Principal) -> dict[str, Any]:
    return {
        "id": principal.id,
        "kind": principal.kind.value,
        "name": principal.name,
        "scopes": sorted(scope.value for scope in principal.scopes),
    }


def unpack(tenant_id: str, stored: Mapping[str, Any]) -> Principal:
    return Principal(
        tenant=tenant_id,
        id=stored["id"],
        kind=PrincipalKind(stored["kind"]),
        name=stored["name"],
        scopes=scopes(stored["scopes"]),
    )
