"""Idempotency keys: the same key with the same request is the same video, for a day, per tenant.

A key is claimed before any work, with the id that the video will have. The claim is completed in the
transaction that records the video, so that of two requests with one key exactly one creates a video; the
other one waits for it. The claim of a process that died expires.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from safelight import canonical_json
from safelight.errors import IdempotencyKeyReused, Unavailable
from safelight.fileio import sha256_file
from safelight.moderation.request import CreateRequest
from safelight.store import tables
from safelight.store.database import Database
from safelight.store.transaction import Transaction

KEY_LIFETIME_S = 24 * 3600.0
_POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class KeyClaim:
    """The right to create the video of one key."""

    tenant: str
    key: str
    video_id: str


@dataclass(frozen=True, kw_only=True)
class CompletedKey:
    """The video that was created with a key. `param` is the field that its rejection names."""

    video_id: str
    rejected_field: str | None


class ClaimExpired(Exception):
    """Another request has taken over the idempotency key, so this request must change nothing.

    Not in the error tree: the service catches it and answers with the other request's result.
    """


@dataclass(frozen=True, kw_only=True)
class IdempotencyKeys:
    database: Database
    #: Lease time of a claim. It must exceed the longest create.
    claim_s: float = 180.0
    #: How long a second request waits for the first.
    wait_s: float = 20.0
    sleep: Callable[[float], None] = time.sleep

    def claim(self, tenant: str, key: str, fingerprint: str, video_id: str) -> KeyClaim | CompletedKey:
        """The right to create this key's video, or the video if it exists already.

        Waits while another request with the key runs. Raises `IdempotencyKeyReused` if the key came with a
        different request, and `Unavailable` if the other request does not end in time.
        """
        until = time.monotonic() + self.wait_s
        while True:
            found = self._try(tenant, key, fingerprint, video_id)
            if found is not None:
                return found
            if time.monotonic() >= until:
                raise Unavailable(
                    "Another request with this Idempotency-Key is still running.", retry_after_s=2.0
                )
            self.sleep(_POLL_S)

    def complete(self, tx: Transaction, claim: KeyClaim, *, param: str | None = None) -> None:
        """Tie the key to its video, in the transaction that records it. Raises `ClaimExpired`."""
        keys, now = tables.idempotency_keys.c, tx.now()
        changed = tx.update(
            tables.idempotency_keys,
            keys.key == claim.key,
            keys.video_id == claim.video_id,
            keys.completed_at.is_(None),
            completed_at=now,
            expires_at=now + KEY_LIFETIME_S,
            rejected_field=param,
        )
        if changed != 1:
            raise ClaimExpired

    def release(self, claim: KeyClaim) -> None:
        """Free a key whose request created no video, for example because it was malformed or over quota."""
        keys = tables.idempotency_keys.c
        with self.database.transaction(tenant=claim.tenant) as tx:
            tx.delete(
                tables.idempotency_keys,
                keys.key == claim.key,
                keys.video_id == claim.video_id,
                keys.completed_at.is_(None),
            )

    def _try(self, tenant: str, key: str, fingerprint: str, video_id: str) -> KeyClaim | CompletedKey | None:
        keys = tables.idempotency_keys.c
        with self.database.transaction(tenant=tenant) as tx:
            now = tx.now()
            tx.delete(tables.idempotency_keys, keys.expires_at < now)
            added = tx.insert_or_ignore(
                tables.idempotency_keys,
                key=key,
                request_sha256=fingerprint,
                video_id=video_id,
                created_at=now,
                lease_expires_at=now + self.claim_s,
                expires_at=now + KEY_LIFETIME_S,
            )
            if added:
                return KeyClaim(tenant=tenant, key=key, video_id=video_id)
            row = tx.one(tables.idempotency_keys, keys.key == key, lock=True)
            if row is None:
                return None
            if row.request_sha256 != fingerprint:
                raise IdempotencyKeyReused(
                    "This Idempotency-Key was sent before with another request.",
                    param="Idempotency-Key",
                    remedy="Send the same request again, or use a new key.",
                )
            if row.completed_at is not None:
                return CompletedKey(video_id=row.video_id, rejected_field=row.rejected_field)
            if row.lease_expires_at >= now:
                return None
            tx.update(
                tables.idempotency_keys,
                keys.key == key,
                video_id=video_id,
                lease_expires_at=now + self.claim_s,
            )
            return KeyClaim(tenant=tenant, key=key, video_id=video_id)


def fingerprint(request: CreateRequest) -> str:
    """A hash of a whole request: its fields and the bytes of its files."""
    document = {
        "step": request.step,
        "source": request.source,
        "prompt": request.prompt,
        "model": request.model,
        "seconds": request.seconds,
        "size": request.size,
        "urls": dict(request.urls),
        "extra": dict(request.extra),
        "characters": list(request.characters),
        "safety_identifier": request.safety_identifier,
        "metadata": dict(request.metadata),
        "uploads": [[upload.field, sha256_file(upload.path)] for upload in request.uploads],
    }
    return hashlib.sha256(canonical_json.encode(document)).hexdigest()
