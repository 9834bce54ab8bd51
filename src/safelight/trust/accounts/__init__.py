"""Authentication and authorization: tenants, API keys, login links and sessions."""

from __future__ import annotations

from .identity import find_same_people
from .models import OPERATOR, KeyRecord, Principal, PrincipalKind, SessionRecord, Tenant
from .permissions import DECIDING, ROLES, STAFF, KeyScope, Permissions, ReviewRank, Role
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
