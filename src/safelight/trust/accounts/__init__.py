"""Authentication and authorization: tenants, API keys, login links and sessions."""

from __future__ import annotations

from .models import OPERATOR, KeyRecord, KeyScope, Principal, PrincipalKind, SessionRecord, Tenant
from .service import Accounts

__all__ = [
    "OPERATOR",
    "Accounts",
    "KeyRecord",
    "KeyScope",
    "Principal",
    "PrincipalKind",
    "SessionRecord",
    "Tenant",
]
