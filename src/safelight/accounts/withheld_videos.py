"""Which videos are withheld from a reader: vaulted or quarantined ones that somebody else requested.

Only the vault officer, and the person or key that sent the request, read their prompt and evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import or_

from safelight.store.database import Filter, Transaction
from safelight.store.tables import videos

from .models import KeyScope, Principal, own_accounts


def find_withheld(tx: Transaction, principal: Principal, found: Iterable[Any]) -> frozenset[str]:
    """The ids of those that are withheld among these videos, which are rows or records."""
    locked = {video.id: video.principal_id for video in found if video.vaulted or video.quarantined}
    if not locked or principal.has_scope(KeyScope.VAULT):
        return frozenset()
    own = own_accounts(tx, principal, locked.values())
    return frozenset(video_id for video_id, owner in locked.items() if owner not in own)


def has_readable_prompt(principal: Principal) -> tuple[Filter, ...]:
    """The conditions on videos whose prompts lists and searches may show. No list shows a vaulted one."""
    if principal.has_scope(KeyScope.VAULT):
        return (videos.c.vaulted.is_(False),)
    own = videos.c.principal_id == principal.id
    return videos.c.vaulted.is_(False), or_(videos.c.quarantined.is_(False), own)
