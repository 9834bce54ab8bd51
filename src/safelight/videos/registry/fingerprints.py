"""Rows of fingerprints in the database."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from safelight.detectors.image.pdq import BYTES
from safelight.provenance.fingerprints.clip_fingerprint import SALT_BYTES, ClipFingerprint
from safelight.provenance.fingerprints.fingerprint_index import FingerprintChange
from safelight.provenance.fingerprints.frame_hashes import Hashes
from safelight.provenance.fingerprints.picture_comparison import RegisteredPicture
from safelight.store.tables import seal_fingerprints

if TYPE_CHECKING:
    from safelight.store.database import Database, Transaction

_log = logging.getLogger(__name__)
#: Rows that are read at once when an index is built.
_PAGE = 500


def add_fingerprint(tx: Transaction, sha256: str, video_id: str, fingerprint: ClipFingerprint) -> None:
    """Record the fingerprint of a sealed file, or record it again after it was removed."""
    salt = secrets.token_bytes(SALT_BYTES)
    picture = RegisteredPicture(
        thumbnails=fingerprint.thumbnails, step_s=fingerprint.step_s, times_s=fingerprint.times_s
    )
    content = {
        "hashes": fingerprint.hashes,
        "thumbnails": msgspec.msgpack.encode(picture),
        "salt": salt,
        "commitment": fingerprint.commitment(salt),
        "changed_at": tx.now(),
    }
    if not tx.insert_or_ignore(seal_fingerprints, sha256=sha256, video_id=video_id, **content):
        columns = seal_fingerprints.c
        was_removed = columns.removed_at.is_not(None)
        tx.update(seal_fingerprints, columns.sha256 == sha256, was_removed, removed_at=None, **content)


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
    """Reads the fingerprints of all tenants: anyone who has a file may ask for its origin. A damaged one is
    skipped, so that it does not prevent the search for others.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Hashes of the files whose damaged fingerprint is in the log: once, not with each search.
        self._logged: set[str] = set()

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
        """The hashes of these sealed files, one in each row. A damaged fingerprint has no row, and a removed
        one is left out.
        """
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
                stored = row.hashes
                if len(stored) % BYTES:
                    self._log_damaged(row.sha256)
                    stored = b""
                yield row.sha256, np.frombuffer(stored, np.uint8).reshape(-1, BYTES)

    def picture(self, sha256: str) -> RegisteredPicture | None:
        """The thumbnails of a sealed file; None if it has none, or none any more, or if they are damaged."""
        with self._database.across_tenants("thumbnails of a file", readonly=True) as tx:
            row = tx.one(seal_fingerprints, seal_fingerprints.c.sha256 == sha256)
        if row is None or row.thumbnails is None:
            return None
        try:
            return msgspec.msgpack.decode(row.thumbnails, type=RegisteredPicture)
        except msgspec.DecodeError:
            self._log_damaged(sha256)
            return None

    def _log_damaged(self, sha256: str) -> None:
        if sha256 not in self._logged:
            self._logged.add(sha256)
            _log.error(
                "The fingerprint of the file %s is damaged and is not used. Restore the row from a backup.",
                sha256,
            )
