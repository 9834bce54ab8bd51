"""Accounts: tenants, keys, people, sign-in, terms, standing, limits, waivers, audit log."""

from __future__ import annotations

from .models import (
    DECIDING,
    OPERATOR,
    ROLES,
    STAFF,
    KeyRecord,
    KeyScope,
    Permissions,
    Principal,
    PrincipalKind,
    ReviewRank,
    Role,
    SessionRecord,
    Tenant,
    find_same_people,
)
from .service import Accounts
from .sessions import Sessions

__all__ = [
    "DECIDING",
    "OPERATOR",
    "ROLES",
    "STAFF",
    "Accounts",
    "KeyRecord",
    "KeyScope",
    "Permissions",
    "Principal",
    "PrincipalKind",
    "ReviewRank",
    "Role",
    "SessionRecord",
    "Sessions",
    "Tenant",
    "find_same_people",
]
