"""Appeals: the requester of a blocked video may object to the block, once."""

from __future__ import annotations

from .models import Appeal, AppealState, AppealSubject
from .service import Appeals

__all__ = ["Appeal", "AppealState", "AppealSubject", "Appeals"]
