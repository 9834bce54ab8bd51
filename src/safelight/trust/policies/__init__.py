"""Published policies, the policy in force, and the stored stage records for policy replays."""

from __future__ import annotations

from .history import read_history
from .models import PublishedPolicy
from .service import Policies

__all__ = [
    "Policies",
    "PublishedPolicy",
    "read_history",
]
