"""A published policy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublishedPolicy:
    """One publication of a policy. Times are unix seconds, UTC."""

    id: str
    #: None: for every tenant without its own policy.
    tenant: str | None
    name: str
    #: One higher with each publication under this name.
    version: int
    sha256: str
    published_at: float
    published_by: str
    #: Whether it is in force.
    active: bool
