"""Who may do what: tenants, keys, login links, sessions."""

from __future__ import annotations

from .models import KeyRecord, Principal, PrincipalKind, Scope, SessionRecord, Tenant
from .service import Accounts

__all__ = ["Accounts", "KeyRecord", "Principal", "PrincipalKind", "Scope", "SessionRecord", "Tenant"]
