"""The consents that videos use, and the commitments that stand for them in manifests."""

from __future__ import annotations

import hashlib
import secrets

from safelight.core import canonical_json
from safelight.store.database import Transaction
from safelight.store.tables import consent_uses

_SALT_BYTES = 32


def compute_commitment(salt: str, *, consent_id: str, video_id: str) -> str:
    """SHA-256 in hexadecimal digits. Without the salt, it tells nothing about the consent."""
    opened = {"salt": salt, "consent": consent_id, "video": video_id}
    return hashlib.sha256(canonical_json.encode(opened)).hexdigest()


def commit_to_consents(tx: Transaction, video_id: str) -> tuple[str, ...]:
    """The commitments for the manifest of a video, with new salts. The same ones if they were made before."""
    of = consent_uses.c
    found = []
    for row in tx.select(consent_uses, of.video_id == video_id, order_by=(of.consent_id,), lock=True):
        salt = row.salt or secrets.token_hex(_SALT_BYTES)
        if row.salt is None:
            tx.update(consent_uses, of.video_id == video_id, of.consent_id == row.consent_id, salt=salt)
        found.append(compute_commitment(salt, consent_id=row.consent_id, video_id=video_id))
    return tuple(found)


def record_use(tx: Transaction, consent_id: str, video_id: str) -> None:
    """Record that a consent made a difference for a video. The second time changes nothing."""
    tx.insert_or_ignore(consent_uses, consent_id=consent_id, video_id=video_id, at=tx.now(), ended_at=None)
