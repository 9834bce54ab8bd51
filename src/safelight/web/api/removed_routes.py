"""Routes that were removed, and what to use instead."""

from __future__ import annotations

from safelight.core.errors import NotFound

_REMOVED = {
    "/v1/safelight/batches": "Run many requests with safelight batch, or with safelight_client.batch.",
    "/v1/safelight/attempts/claim": "On the server: safelight attempts export --charged",
    "/v1/safelight/canaries": "On a timer: safelight check --try --canary",
    "/v1/safelight/invitations": "Ask for a key with POST /v1/safelight/access-requests.",
    "/v1/safelight/tenants": "On the server: safelight tenants list, safelight keys revoke",
    "/v1/safelight/ledger": "The charge of each attempt is in GET /v1/safelight/attempts.",
}


def find_removed(path: str) -> NotFound | None:
    """The error of a request to a route that was removed."""
    for removed, instead in _REMOVED.items():
        if path == removed or path.startswith(f"{removed}/"):
            return NotFound("This address was removed.", remedy=instead)
    return None
