"""Newest attempts of a tenant, read in parts: each one can have a long prompt."""

from __future__ import annotations

from collections.abc import Iterator

from safelight.core.errors import NotFound

from .attempt_log import AttemptLog
from .models import AttemptFilter, AttemptRecord

_PAGE = 200


def iterate_newest(
    log: AttemptLog, tenant: str, wanted: AttemptFilter, *, limit: int
) -> Iterator[AttemptRecord]:
    """At most `limit` attempts, a multiple of 200, newest first."""
    after = None
    for _page in range(limit // _PAGE):
        try:
            page = log.page(tenant, wanted, after=after, limit=_PAGE)
        except NotFound:
            # The last attempt of the page before was deleted since.
            return
        yield from page.items
        if not page.has_more:
            return
        after = page.items[-1].id
