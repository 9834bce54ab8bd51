"""A policy as it was published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublishedPolicy:
    """Times are seconds since 1970, UTC."""

    id: str
    #: None: for every tenant that has none of its own.
    tenant: str | None
    name: str
    #: Counts up by one for each publication under this name.
    version: int
    sha256: str
    published_at: float
    published_by: str
    #: This is the version in force.
    active: bool
