"""Published policies, the one in force, and the stage records to replay a policy over."""

from __future__ import annotations

from .history import read_history
from .models import PublishedPolicy
from .service import Policies

__all__ = [
    "Policies",
    "PublishedPolicy",
    "read_history",
]
