"""The registry of seals: finds the seal of a delivered file by its hash, even without its manifest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from safelight.ids import new_id
from safelight.store.tables import seals

from .fingerprints.fingerprint_store import add_fingerprint
from .seal import Mark, MarkState, Seal, lacks_timestamp

if TYPE_CHECKING:
    from safelight.store.database import Database
    from safelight.store.transaction import Transaction


class Registry:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, tx: Transaction, seal: Seal) -> bool:
        """Inserts the seal and its fingerprint in this transaction.

        Returns False if a seal of the same file is already recorded.
        """
        is_new = tx.insert_or_ignore(
            seals,
            id=new_id("seal"),
            video_id=seal.video_id,
            sha256=seal.sha256,
            source_sha256=seal.source_sha256,
            manifest=seal.manifest,
            manifest_id=seal.manifest_id,
            facts=dict(seal.facts),
            mark_state=seal.mark.state.value,
            mark_id=seal.mark.content_id,
            mark_epoch=seal.mark.epoch,
            mark_algorithm=seal.mark.algorithm,
            binding=seal.binding,
            created_at=seal.sealed_at.timestamp(),
        )
        if is_new and seal.fingerprint is not None:
            add_fingerprint(tx, seal.sha256, seal.video_id, seal.fingerprint)
        return is_new

    def by_sha256(self, sha256: str) -> Seal | None:
        """The seal of the file with this hash, from any tenant: anyone who has the file may ask for its
        origin.
        """
        with self._database.across_tenants("origin of a file", readonly=True) as tx:
            row = tx.one(seals, seals.c.sha256 == sha256)
        return None if row is None else _seal(row)

    def by_mark(self, content_id: str) -> Seal | None:
        """The seal of the file with this watermark, from any tenant."""
        with self._database.across_tenants("origin of a watermark", readonly=True) as tx:
            rows = tx.select(seals, seals.c.mark_id == content_id, limit=1)
        return _seal(rows[0]) if rows else None

    def by_manifest_id(self, manifest_id: str) -> Seal | None:
        """The seal of the file with this manifest, from any tenant."""
        if not manifest_id:
            return None
        with self._database.across_tenants("origin of a manifest", readonly=True) as tx:
            rows = tx.select(seals, seals.c.manifest_id == manifest_id, limit=1)
        return _seal(rows[0]) if rows else None

    def without_timestamp(self) -> tuple[Seal, ...]:
        """Seals that were made while the timestamp authority did not answer, of all tenants, oldest first."""
        with self._database.across_tenants("missing timestamps", readonly=True) as tx:
            rows = tx.select(
                seals,
                seals.c.manifest != b"",
                columns=(seals.c.id, seals.c.facts),
                order_by=(seals.c.created_at,),
            )
            missing = [row.id for row in rows if lacks_timestamp(row.facts)]
            found = [tx.one(seals, seals.c.id == one) for one in missing]
        return tuple(_seal(row) for row in found if row is not None)

    def add_timestamp(self, seal: Seal, manifest: bytes, facts: Mapping[str, Any]) -> bool:
        """Replaces the stored copy of a manifest by the same one with a timestamp. The delivered file is not
        changed.

        Returns False if the stored copy is not that of `seal` any more: another process was first, or the
        row was deleted.
        """
        with self._database.across_tenants("a later timestamp") as tx:
            where = (seals.c.sha256 == seal.sha256, seals.c.manifest == seal.manifest)
            return tx.update(seals, *where, manifest=manifest, facts=dict(facts)) == 1

    def by_video_id(self, video_id: str) -> Seal | None:
        """The newest seal of a video, from any tenant: anyone who has the id may ask for its origin."""
        with self._database.across_tenants("origin of a video", readonly=True) as tx:
            rows = tx.select(
                seals, seals.c.video_id == video_id, order_by=(seals.c.created_at.desc(),), limit=1
            )
        return _seal(rows[0]) if rows else None

    def by_video(self, video_id: str, *, tenant: str) -> tuple[Seal, ...]:
        """The seals of one video, newest first; there are several if the sealing step ran again."""
        with self._database.read_transaction(tenant) as tx:
            rows = tx.select(
                seals, seals.c.video_id == video_id, order_by=(seals.c.created_at.desc(), seals.c.id.desc())
            )
        return tuple(_seal(row) for row in rows)


def erase_manifests(tx: Transaction, video_id: str) -> bool:
    """Delete the stored manifests of a video, which can contain those of the client's files.

    The hash of the delivered file is kept, so it is still recognized. Returns False if there were none.
    """
    return tx.update(seals, seals.c.video_id == video_id, seals.c.manifest != b"", manifest=b"") > 0


def is_intact(row: Any) -> bool:
    """Whether a row of the registry is as it was when the file was sealed."""
    try:
        return bool(row.binding == _seal(row).binding)
    except ValueError:
        return False


def _seal(row: Any) -> Seal:
    return Seal(
        video_id=row.video_id,
        sha256=row.sha256,
        source_sha256=row.source_sha256,
        sealed_at=dt.datetime.fromtimestamp(row.created_at, dt.UTC),
        manifest=row.manifest,
        manifest_id=row.manifest_id,
        facts=row.facts,
        mark=Mark(
            state=MarkState(row.mark_state),
            content_id=row.mark_id,
            epoch=row.mark_epoch,
            algorithm=row.mark_algorithm,
        ),
    )
