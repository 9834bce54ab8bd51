"""The registry of seals: finds the seal of a delivered file by its hash, even without its manifest."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.core import canonical_json
from safelight.core.ids import new_id
from safelight.provenance.seal import ChangedRow, Mark, MarkState, Seal, lacks_timestamp
from safelight.store.tables import seals

from .fingerprints import add_fingerprint

if TYPE_CHECKING:
    from safelight.store.database import Database, Transaction

_log = logging.getLogger(__name__)


class Registry:
    """Reads and writes the seals. A row that was changed after its file was sealed is logged, and no method
    returns it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Ids of the changed rows that are in the log: each one is logged once, not with each search.
        self._logged: set[str] = set()

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
            facts=_encode(seal.facts),
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
        found = self.find(sha256)
        return found if isinstance(found, Seal) else None

    def find(self, sha256: str) -> Seal | ChangedRow | None:
        """The seal like `by_sha256`, or that the file has a row which was changed after it was sealed."""
        with self._database.across_tenants("origin of a file", readonly=True) as tx:
            row = tx.one(seals, seals.c.sha256 == sha256)
        return None if row is None else self._read(row) or ChangedRow()

    def by_mark(self, content_id: str) -> Seal | None:
        """The seal of the file with this watermark, from any tenant."""
        with self._database.across_tenants("origin of a watermark", readonly=True) as tx:
            rows = tx.select(seals, seals.c.mark_id == content_id)
        return next(self._read_all(rows), None)

    def by_manifest_id(self, manifest_id: str) -> Seal | None:
        """The seal of the file with this manifest, from any tenant."""
        if not manifest_id:
            return None
        with self._database.across_tenants("origin of a manifest", readonly=True) as tx:
            rows = tx.select(seals, seals.c.manifest_id == manifest_id)
        return next(self._read_all(rows), None)

    def without_timestamp(self) -> tuple[Seal, ...]:
        """Seals that were made while the timestamp authority did not answer, of all tenants, oldest first."""
        with self._database.across_tenants("missing timestamps", readonly=True) as tx:
            rows = tx.select(
                seals,
                seals.c.manifest != b"",
                columns=(seals.c.id, seals.c.facts),
                order_by=(seals.c.created_at,),
            )
            # A row with damaged facts is read, so that it is logged.
            missing = [
                row.id for row in rows if (facts := stored_facts(row)) is None or lacks_timestamp(facts)
            ]
            found = [tx.one(seals, one) for one in missing]
        return tuple(self._read_all(row for row in found if row is not None))

    def add_timestamp(self, seal: Seal, manifest: bytes, facts: Mapping[str, Any]) -> bool:
        """Replaces the stored copy of a manifest by the same one with a timestamp. The delivered file is not
        changed.

        Returns False if the stored copy is not that of `seal` any more: another process was first, or the
        row was deleted.
        """
        with self._database.across_tenants("a later timestamp") as tx:
            where = (seals.c.sha256 == seal.sha256, seals.c.manifest == seal.manifest)
            return tx.update(seals, *where, manifest=manifest, facts=_encode(facts)) == 1

    def by_video_id(self, video_id: str) -> Seal | None:
        """The newest seal of a video, from any tenant: anyone who has the id may ask for its origin."""
        with self._database.across_tenants("origin of a video", readonly=True) as tx:
            rows = tx.select(seals, seals.c.video_id == video_id, order_by=(seals.c.created_at.desc(),))
        return next(self._read_all(rows), None)

    def by_video(self, video_id: str, *, tenant: str) -> tuple[Seal, ...]:
        """The seals of one video, newest first; there are several if the sealing step ran again."""
        with self._database.read_transaction(tenant) as tx:
            rows = tx.select(
                seals, seals.c.video_id == video_id, order_by=(seals.c.created_at.desc(), seals.c.id.desc())
            )
        return tuple(self._read_all(rows))

    def _read_all(self, rows: Iterable[Any]) -> Iterator[Seal]:
        return (seal for row in rows if (seal := self._read(row)) is not None)

    def _read(self, row: Any) -> Seal | None:
        """The seal of a row; None if the row was changed."""
        if is_intact(row):
            return _seal(row)
        if row.id not in self._logged:
            self._logged.add(row.id)
            _log.error(
                "The seal %s of the file %s was changed after it was written, so it is not used. Restore the "
                "row from a backup.",
                row.id,
                row.sha256,
            )
        return None


def erase_manifests(tx: Transaction, video_id: str) -> bool:
    """Delete the stored manifests of a video, which can contain those of the client's files.

    The hash of the delivered file is kept, so it is still recognized. Returns False if there were none.
    """
    return tx.update(seals, seals.c.video_id == video_id, seals.c.manifest != b"", manifest=b"") > 0


def is_intact(row: Any) -> bool:
    """Whether a row of the registry is as it was when the file was sealed."""
    try:
        return bool(row.binding == _seal(row).binding)
    except (
        ValueError,
        TypeError,
        OverflowError,
        OSError,
    ):  # a value of the wrong type, or an impossible time
        return False


def stored_facts(row: Any) -> dict[str, Any] | None:
    """The facts in a row of the registry; None if they are damaged."""
    try:
        facts = msgspec.json.decode(row.facts)
    except (msgspec.DecodeError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def _encode(facts: Mapping[str, Any]) -> str:
    return canonical_json.encode(dict(facts)).decode()


def _seal(row: Any) -> Seal:
    facts = stored_facts(row)
    if facts is None:
        raise ValueError("the facts are damaged")
    return Seal(
        video_id=row.video_id,
        sha256=row.sha256,
        source_sha256=row.source_sha256,
        sealed_at=dt.datetime.fromtimestamp(row.created_at, dt.UTC),
        manifest=row.manifest,
        manifest_id=row.manifest_id,
        facts=facts,
        mark=Mark(
            state=MarkState(row.mark_state),
            content_id=row.mark_id,
            epoch=row.mark_epoch,
            algorithm=row.mark_algorithm,
        ),
    )
