"""Who may do what: tenants, keys, login links, sessions."""

from __future__ import annotations

from .models import OPERATOR, KeyRecord, Principal, PrincipalKind, Scope, SessionRecord, Tenant
from .service import Accounts

__all__ = [
    "OPERATOR",
    "Accounts",
    "KeyRecord",
    "Principal",
    "PrincipalKind",
    "Scope",
    "SessionRecord",
    "Tenant",
]
