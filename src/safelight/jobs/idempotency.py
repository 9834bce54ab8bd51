"""Idempotency keys: the same key with the same request is the same video, for a day, per tenant.

A key is claimed before any work, under the id the video will have. The claim is settled in the transaction
that puts the video on the record, so that of two requests with one key exactly one makes a video; the other
waits for it. A claim whose process died is free again after a while.
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

KEEP_S = 24 * 3600.0
_LOOK_S = 0.05


@dataclass(frozen=True, kw_only=True)
class KeyClaim:
    """The right to make the video of one key."""

    tenant: str
    key: str
    video_id: str


@dataclass(frozen=True, kw_only=True)
class CompletedKey:
    """The video that a key stands for. `param` is the field its refusal named."""

    video_id: str
    param: str | None


class ClaimExpired(Exception):
    """Another request has taken over the idempotency key, so this request must change nothing.

    Not in the error tree: the service catches it and answers with the other request's result.
    """


@dataclass(frozen=True, kw_only=True)
class IdempotencyKeys:
    database: Database
    #: How long a claim holds while nobody hears of its holder: longer than a create can take.
    claim_s: float = 180.0
    #: How long a second request waits for the first.
    wait_s: float = 20.0
    sleep: Callable[[float], None] = time.sleep

    def claim(self, tenant: str, key: str, fingerprint: str, video_id: str) -> KeyClaim | CompletedKey:
        """The right to make this key's video, or the video where it is made already.

        Waits while another request with the key is at work. Raises `IdempotencyKeyReused` where the key came
        with another request, `Unavailable` where the first is not done in time.
        """
        until = time.monotonic() + self.wait_s
        while True:
            found = self._try(tenant, key, fingerprint, video_id)
            if found is not None:
                return found
            if time.monotonic() >= until:
                raise Unavailable(
                    "Another request with this Idempotency-Key is still at work.", retry_after_s=2.0
                )
            self.sleep(_LOOK_S)

    def complete(self, tx: Transaction, claim: KeyClaim, *, param: str | None = None) -> None:
        """In the transaction that records the video: the key now stands for it. Raises `ClaimLost`."""
        keys, now = tables.idempotency_keys.c, tx.now()
        changed = tx.update(
            tables.idempotency_keys,
            keys.key == claim.key,
            keys.video_id == claim.video_id,
            keys.completed_at.is_(None),
            completed_at=now,
            expires_at=now + KEEP_S,
            rejected_field=param,
        )
        if changed != 1:
            raise ClaimExpired

    def release(self, claim: KeyClaim) -> None:
        """Free a key whose request came to nothing, such as one that was malformed or over its quota."""
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
                expires_at=now + KEEP_S,
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
                    remedy="Send the same request again, or take a fresh key.",
                )
            if row.completed_at is not None:
                return CompletedKey(video_id=row.video_id, param=row.rejected_field)
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
    """A hash of everything a request says: its fields, and the bytes of its files."""
    said = {
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
    return hashlib.sha256(canonical_json.encode(said)).hexdigest()
