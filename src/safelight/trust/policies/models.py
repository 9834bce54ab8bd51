"""A published policy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublishedPolicy:
    """One publication of a policy. Times are unix seconds (UTC)."""

    id: str
    #: The tenant of the policy. None: it applies to every tenant that has no policy of its own.
    tenant: str | None
    name: str
    #: Version number. Each publication under the same name increases it by one.
    version: int
    sha256: str
    published_at: float
    published_by: str
    #: Whether this publication is in force.
    active: bool
