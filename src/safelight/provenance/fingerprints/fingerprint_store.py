"""Rows of fingerprints in the database."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from safelight.detectors.image.pdq import BYTES
from safelight.store.tables import seal_fingerprints

from .clip_fingerprint import SALT_BYTES, ClipFingerprint
from .frame_hashes import Hashes
from .picture_comparison import RegisteredPicture

if TYPE_CHECKING:
    from safelight.store.database import Database
    from safelight.store.transaction import Transaction

#: Rows that are read at once when an index is built.
_PAGE = 500


class FingerprintChange(msgspec.Struct, frozen=True, kw_only=True):
    """A fingerprint that was added to the database, or removed."""

    sha256: str
    changed_at: float
    is_removed: bool


def add_fingerprint(tx: Transaction, sha256: str, video_id: str, fingerprint: ClipFingerprint) -> None:
    """Record the fingerprint of a sealed file, in the transaction that records the seal."""
    salt = secrets.token_bytes(SALT_BYTES)
    picture = RegisteredPicture(
        thumbnails=fingerprint.thumbnails, step_s=fingerprint.step_s, times_s=fingerprint.times_s
    )
    tx.insert_or_ignore(
        seal_fingerprints,
        sha256=sha256,
        video_id=video_id,
        hashes=fingerprint.hashes,
        thumbnails=msgspec.msgpack.encode(picture),
        salt=salt,
        commitment=fingerprint.commitment(salt),
        changed_at=tx.now(),
    )


def remove_fingerprints(tx: Transaction, video_id: str) -> bool:
    """Delete the fingerprints of a video that was withdrawn, vaulted or deleted. Commitments are kept.

    Returns False if there were none.
    """
    removed = tx.update(
        seal_fingerprints,
        seal_fingerprints.c.video_id == video_id,
        seal_fingerprints.c.removed_at.is_(None),
        hashes=None,
        thumbnails=None,
        removed_at=tx.now(),
        changed_at=tx.now(),
    )
    return removed > 0


class FingerprintStore:
    """Reads the fingerprints of all tenants: anyone who has a file may ask for its origin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changes(self, since: float) -> list[FingerprintChange]:
        """What changed at or after this time, in the order of time."""
        columns = seal_fingerprints.c
        with self._database.across_tenants("index of fingerprints", readonly=True) as tx:
            rows = tx.select(
                seal_fingerprints,
                columns.changed_at >= since,
                columns=(columns.sha256, columns.changed_at, columns.removed_at),
                order_by=(columns.changed_at,),
            )
        return [
            FingerprintChange(
                sha256=row.sha256, changed_at=row.changed_at, is_removed=row.removed_at is not None
            )
            for row in rows
        ]

    def hashes(self, wanted: Collection[str]) -> Iterator[tuple[str, Hashes]]:
        """The hashes of these sealed files, one in each row; nothing for a removed fingerprint."""
        columns, ordered = seal_fingerprints.c, sorted(wanted)
        for start in range(0, len(ordered), _PAGE):
            with self._database.across_tenants("index of fingerprints", readonly=True) as tx:
                rows = tx.select(
                    seal_fingerprints,
                    columns.sha256.in_(ordered[start : start + _PAGE]),
                    columns.hashes.is_not(None),
                    columns=(columns.sha256, columns.hashes),
                )
            for row in rows:
                yield row.sha256, np.frombuffer(row.hashes, np.uint8).reshape(-1, BYTES)

    def picture(self, sha256: str) -> RegisteredPicture | None:
        """The thumbnails of a sealed file; None if it has none, or none any more."""
        with self._database.across_tenants("thumbnails of a file", readonly=True) as tx:
            row = tx.one(seal_fingerprints, seal_fingerprints.c.sha256 == sha256)
        if row is None or row.thumbnails is None:
            return None
        return msgspec.msgpack.decode(row.thumbnails, type=RegisteredPicture)
