"""The registry: every seal made here, so that a file can be known again without its manifest."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from safelight.ids import new_id
from safelight.store.tables import seals

from .seal import Seal

if TYPE_CHECKING:
    from safelight.store.database import Database
    from safelight.store.transaction import Transaction


class Registry:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, tx: Transaction, seal: Seal) -> bool:
        """Add the seal's row in this transaction; False where exactly this file is there already."""
        return tx.insert_or_ignore(
            seals,
            id=new_id("seal"),
            video_id=seal.video_id,
            sha256=seal.sha256,
            source_sha256=seal.source_sha256,
            manifest=seal.manifest,
            facts=dict(seal.facts),
            created_at=seal.sealed_at.timestamp(),
        )

    def by_sha256(self, sha256: str) -> Seal | None:
        """The seal of exactly these bytes, whoever's it is: whoever holds a file may ask where it is from."""
        with self._database.across_tenants("whose file is this", readonly=True) as tx:
            row = tx.one(seals, seals.c.sha256 == sha256)
        return None if row is None else _seal(row)

    def by_video(self, video_id: str, *, tenant: str) -> tuple[Seal, ...]:
        """The seals of one video, newest first; there are several where a step was run again."""
        with self._database.read_transaction(tenant) as tx:
            rows = tx.select(
                seals, seals.c.video_id == video_id, order_by=(seals.c.created_at.desc(), seals.c.id.desc())
            )
        return tuple(_seal(row) for row in rows)


def _seal(row: Any) -> Seal:
    return Seal(
        video_id=row.video_id,
        sha256=row.sha256,
        source_sha256=row.source_sha256,
        sealed_at=dt.datetime.fromtimestamp(row.created_at, dt.UTC),
        manifest=row.manifest,
        facts=row.facts,
    )
