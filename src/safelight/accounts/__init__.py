"""Accounts: tenants, keys, people, sign-in, terms, standing, limits, waivers, audit log."""

from .models import (
    DECIDING,
    OPERATOR,
    ROLES,
    STAFF,
    KeyRecord,
    KeyScope,
    Principal,
    PrincipalKind,
    ReviewRank,
    Role,
    SessionRecord,
    Tenant,
    find_same_people,
)
from .service import Accounts

__all__ = [
    "DECIDING",
    "OPERATOR",
    "ROLES",
    "STAFF",
    "Accounts",
    "KeyRecord",
    "KeyScope",
    "Principal",
    "PrincipalKind",
    "ReviewRank",
    "Role",
    "SessionRecord",
    "Tenant",
    "find_same_people",
]
