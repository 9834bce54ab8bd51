"""Rows of stored files. A row is written before the bytes, so that the cleanup cannot delete bytes in use."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.core.ids import new_id
from safelight.store import tables
from safelight.store.database import Filter, Row, Transaction
from safelight.store.retention import PAID_CLIP_S, Retention

from .models import ReusedFile
from .recovery_data import remove_fingerprints_of_file
from .transcripts import delete_transcript


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """The recorded facts about a file. `kind` is its purpose, for example `reference` or `sealed`."""

    kind: str
    sha256: str
    size: int
    media_type: str
    retention: Retention


def add_file(tx: Transaction, owner_id: str, file: FileRow) -> None:
    """Record a file of a video or a character, *before* its bytes are stored. Can be repeated."""
    # The cleanup also locks the rows of this hash, so it cannot delete the bytes before this row is
    # committed.
    tx.select(tables.assets, tables.assets.c.sha256 == file.sha256, lock=True)
    tx.insert_or_ignore(
        tables.assets,
        id=new_id("asset"),
        video_id=owner_id,
        kind=file.kind,
        sha256=file.sha256,
        media_type=file.media_type,
        bytes=file.size,
        retention=file.retention.value,
        created_at=tx.now(),
    )


def reuse_file(tx: Transaction, video_id: str, file: ReusedFile) -> None:
    """Record that a video uses a file of another video or character.

    The bytes stay stored until no row refers to them.
    """
    add_file(
        tx,
        video_id,
        FileRow(
            kind="source",
            sha256=file.sha256,
            size=file.bytes,
            media_type=file.media_type,
            retention=Retention.EVIDENCE,
        ),
    )


def files_of(tx: Transaction, video_id: str, *, kind: str | None = None) -> list[Row]:
    """The file rows of a video, oldest first: those of one transaction in the order of their ids."""
    where = [tables.assets.c.video_id == video_id, tables.assets.c.deleted_at.is_(None)]
    if kind is not None:
        where.append(tables.assets.c.kind == kind)
    return tx.select(tables.assets, *where, order_by=(tables.assets.c.created_at, tables.assets.c.id))


def drop_files(tx: Transaction, video_id: str, *, kind: str | None = None, without: str = "") -> None:
    """Mark files of this video as deleted. The sweeper deletes the bytes when no row refers to them.

    Without `kind`, all but those of the kind `without`; the transcript is deleted too.
    """
    where = [tables.assets.c.video_id == video_id, tables.assets.c.deleted_at.is_(None)]
    where.append(tables.assets.c.kind != without)
    if kind is not None:
        where.append(tables.assets.c.kind == kind)
    else:
        delete_transcript(tx, video_id)
    tx.update(tables.assets, *where, deleted_at=tx.now())


def awaits_follow_up(tx: Transaction, video_id: str) -> bool:
    """Whether a report about a video was not decided yet, or its copies were not looked for."""
    of, cases = tables.notices.c, tables.cases
    # By the case, which has an index.
    found = tx.select(cases, cases.c.video_id == video_id, columns=[cases.c.id])
    about = of.case_id.in_([row.id for row in found])
    return tx.count(tables.notices, about, of.followed_up_at.is_(None)) > 0


def paid_clip_end(tx: Transaction, video_id: str) -> float | None:
    """Until when the paid clip of a video that ends now, without a verdict, is kept; None if it has none."""
    return tx.now() + PAID_CLIP_S if tx.count(tables.assets, *_paid_clip(video_id)) else None


def end_paid_clip(tx: Transaction, video_id: str) -> None:
    """A verdict or a person has decided about the paid clip: from now on it is evidence."""
    tx.update(tables.assets, *_paid_clip(video_id), retention=Retention.EVIDENCE.value)


def _paid_clip(video_id: str) -> tuple[Filter, ...]:
    assets = tables.assets.c
    is_paid = assets.retention == Retention.PAID_CLIP.value
    return assets.video_id == video_id, is_paid, assets.deleted_at.is_(None)


def vault_files(tx: Transaction, video_id: str) -> None:
    """Mark every file of a video for the vault, and delete its fingerprints and its transcript.

    The sweeper moves the bytes, and no API returns them. The source clip is not marked, because it belongs to
    another video.
    """
    tx.update(
        tables.assets,
        tables.assets.c.video_id == video_id,
        tables.assets.c.kind != "source",
        tables.assets.c.deleted_at.is_(None),
        retention=Retention.VAULT.value,
    )
    remove_fingerprints_of_file(tx, video_id)
    delete_transcript(tx, video_id)
