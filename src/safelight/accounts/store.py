"""Converts database rows to keys, principals and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.store.database import Row
from safelight.store.rows import read_record

from .models import ROLES, KeyRecord, KeyScope, Principal, PrincipalKind, Role

#: The state of a person who may sign in.
ACTIVE = "active"


def key_from_row(row: Row) -> KeyRecord:
    return read_record(KeyRecord, row, scopes=parse_scopes(row.scopes))


def principal_from_row(row: Row) -> Principal:
    return Principal(
        tenant=row.tenant_id,
        id=row.id,
        kind=PrincipalKind.KEY,
        name=row.name,
        scopes=parse_scopes(row.scopes),
    )


def parse_scopes(words: list[str]) -> frozenset[KeyScope]:
    """The scopes with these names. Unknown names are ignored, so they grant nothing."""
    known = {scope.value: scope for scope in KeyScope}
    return frozenset(known[word] for word in words if word in known)


def encode_principal(principal: Principal) -> dict[str, Any]:
    return {
        "id": principal.id,
        "kind": principal.kind.value,
        "name": principal.name,
        "scopes": sorted(scope.value for scope in principal.scopes),
        **({"role": principal.role.value} if principal.role else {}),
    }


def principal_of_person(row: Row) -> Principal | None:
    """The principal of an enrolled person with the scopes of the present role; None if disabled."""
    if row.state != ACTIVE:
        return None
    role = Role(row.role)
    return Principal(
        tenant=row.tenant_id,
        id=row.id,
        kind=PrincipalKind.PERSON,
        name=row.name,
        scopes=ROLES[role].scopes,
        role=role,
    )


def decode_principal(tenant_id: str, stored: Mapping[str, Any]) -> Principal:
    return Principal(
        tenant=tenant_id,
        id=stored["id"],
        kind=PrincipalKind(stored["kind"]),
        name=stored["name"],
        scopes=parse_scopes(stored["scopes"]),
        role=Role(stored["role"]) if "role" in stored else None,
    )
