"""Idempotency keys: for a day, the same request with the same key returns the same video.

A key is claimed before any work, together with the id of the future video. The claim is completed in the
transaction that records the video. Therefore only one of two requests with the same key creates a video, and
the other request waits for it. If a process dies, its claims expire; where no other process can have made
them, they end when it starts again. Keys are separate per tenant.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from safelight.core import canonical_json
from safelight.core.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from safelight.core.fileio import sha256_file
from safelight.store import tables
from safelight.store.database import Database, Row, Transaction
from safelight.videos.requests.request import CreateRequest

from .requester import store_use

KEY_LIFETIME_S = 24 * 3600.0
_POLL_S = 0.05
#: How long a client waits that was answered while the first request was running. Its end is not known.
_RETRY_AFTER_S = 2.0


@dataclass(frozen=True, kw_only=True)
class KeyClaim:
    """The right of a request to create the video of its idempotency key."""

    tenant: str
    key: str
    video_id: str


@dataclass(frozen=True, kw_only=True)
class CompletedKey:
    """An idempotency key whose video exists already.

    `rejected_field` is the request field that the error of a rejected video names.
    """

    video_id: str
    rejected_field: str | None


class ClaimExpired(Exception):
    """Another request has taken over the idempotency key, so this request must not change anything.

    Not in the error tree, because the service catches it and returns the result of the other request.
    """


@dataclass(frozen=True, kw_only=True)
class IdempotencyKeys:
    database: Database
    #: A claim expires after this time. It must be longer than the longest submission.
    claim_s: float = 180.0
    #: How long a request waits for an earlier request with the same key.
    wait_s: float = 20.0
    #: Claims made earlier are those of a dead process; 0 if another process can have made them.
    alone_since: float = 0.0
    sleep: Callable[[float], None] = time.sleep

    def claim(self, tenant: str, key: str, fingerprint: str, video_id: str) -> KeyClaim | CompletedKey:
        """Claim an idempotency key, or return the completed key if its video exists already.

        Waits while another request with this key runs. Raises `IdempotencyKeyReused` if the key was sent with
        a different request, and `IdempotencyKeyInUse` if the other request does not finish in time.
        """
        until = time.monotonic() + self.wait_s
        while True:
            found = self._try(tenant, key, fingerprint, video_id)
            if found is not None:
                return found
            if time.monotonic() >= until:
                raise _in_use(_RETRY_AFTER_S)
            self.sleep(_POLL_S)

    def find(self, tenant: str, key: str) -> CompletedKey | None:
        """The completed key, if any. Raises `IdempotencyKeyInUse`, with the time until its claim expires."""
        with self.database.read_transaction(tenant) as tx:
            now = tx.now()
            row = tx.one(tables.idempotency_keys, tables.idempotency_keys.c.key == key)
        if row is None or row.expires_at < now:
            return None
        if row.completed_at is not None:
            return CompletedKey(video_id=row.video_id, rejected_field=row.rejected_field)
        if self._is_running(row, now):
            raise _in_use(row.lease_expires_at - now)
        return None

    def complete(self, tx: Transaction, claim: KeyClaim, *, param: str | None = None) -> None:
        """Complete a claim, in the transaction that records the video. Raises `ClaimExpired`."""
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
        """Release a key whose request created no video, for example because it was invalid or over quota."""
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
                    "This Idempotency-Key was sent earlier with a different request.",
                    param="Idempotency-Key",
                    remedy="Send the earlier request again without changes, or use a new key.",
                )
            if row.completed_at is not None:
                return CompletedKey(video_id=row.video_id, rejected_field=row.rejected_field)
            if self._is_running(row, now):
                return None
            tx.update(
                tables.idempotency_keys,
                keys.key == key,
                video_id=video_id,
                created_at=now,
                lease_expires_at=now + self.claim_s,
            )
            return KeyClaim(tenant=tenant, key=key, video_id=video_id)

    def _is_running(self, row: Row, now: float) -> bool:
        return bool(row.lease_expires_at >= now and row.created_at >= self.alone_since)


def _in_use(retry_after_s: float) -> IdempotencyKeyInUse:
    return IdempotencyKeyInUse(
        "Another request with this Idempotency-Key is still running.",
        retry_after_s=retry_after_s,
        remedy="Wait, then send the same request with the same key: it returns the same video.",
    )


def fingerprint(request: CreateRequest) -> str:
    """The hash of a whole request, with its fields and the bytes of its files."""
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
        **({"retry": asdict(request.retry)} if request.retry else {}),
        **({"template": asdict(request.template)} if request.template else {}),
        **store_use(request.use),
    }
    return hashlib.sha256(canonical_json.encode(document)).hexdigest()
