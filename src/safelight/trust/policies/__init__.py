"""Published policies: versions on the record, one of them in force, and the history to replay."""

from __future__ import annotations

from .history import history
from .models import PublishedPolicy
from .service import Policies

__all__ = ["Policies", "PublishedPolicy", "history"]
