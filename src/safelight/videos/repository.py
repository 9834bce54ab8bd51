"""Reads videos with all their data in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, literal, or_, select

from safelight.accounts import Principal
from safelight.accounts.withheld_videos import has_readable_prompt
from safelight.core.errors import NotFound
from safelight.policy.findings import Stage
from safelight.store import tables
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.pages import Page, follows, read_page
from safelight.store.tables import video_hidings

from . import mappers
from .attempt_store import attempts_of
from .files import files_of
from .models import Video, VideoFilter, VideoRecord, VideoSnapshot, VideoState
from .registry import is_intact
from .stage_records import approved_findings, judged_sha256s, overturned_findings, stage_records

_MAX_BATCHES = 50
#: Least difference between the creation times of two videos of a tenant.
_LIST_STEP_S = 0.001


class VideoRepository:
    """Reads the videos of a tenant. Raises `NotFound` for a video that the tenant does not have."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tenant: str, video_id: str) -> Video:
        return mappers.video(self.row(tenant, video_id))

    def row(self, tenant: str, video_id: str) -> Row:
        with self._database.read_transaction(tenant=tenant) as tx:
            return _row(tx, video_id)

    def snapshot(self, tenant: str, video_id: str) -> VideoSnapshot:
        """A video with its request, stages, review decisions, attempts and files, read at one moment."""
        with self._database.read_transaction(tenant=tenant) as tx:
            return read_snapshot(tx, video_id)

    def with_files(self, tenant: str, video_id: str, *, kind: str) -> tuple[Video, list[Row]]:
        """A video, and its files of one kind."""
        with self._database.read_transaction(tenant=tenant) as tx:
            return mappers.video(_row(tx, video_id)), files_of(tx, video_id, kind=kind)

    def is_hidden(self, tenant: str, video_id: str) -> bool:
        """Whether a video cannot be read until a report about it is decided."""
        with self._database.read_transaction(tenant=tenant) as tx:
            return is_hidden(tx, video_id)

    def files(self, tenant: str, video_id: str, *, kind: str | None = None) -> list[Row]:
        with self._database.read_transaction(tenant=tenant) as tx:
            return files_of(tx, video_id, kind=kind)

    def page(self, tenant: str, *, after: str | None, limit: int, newest_first: bool) -> Page[Video]:
        """A page of accepted videos, in order of creation. `after` is the last id of the previous page."""
        accepted = tables.videos.c.accepted_at.is_not(None)
        with self._database.read_transaction(tenant=tenant) as tx:
            return _page(tx, [accepted], after=after, limit=limit, newest_first=newest_first)

    def find(self, reader: Principal, wanted: VideoFilter, *, after: str | None, limit: int) -> Page[Video]:
        """A page of the videos of this filter, newest first, also of those that were never accepted."""
        videos = tables.videos.c
        where = [
            or_(
                and_(videos.vaulted.is_(False), videos.state.in_([one.value for one in wanted.states])),
                and_(videos.vaulted.is_(True), literal(VideoState.BLOCKED in wanted.states)),
            )
        ]
        if wanted.words:
            where += [*has_readable_prompt(reader), videos.prompt.icontains(wanted.words, autoescape=True)]
        if wanted.batch:
            where.append(videos.batch == wanted.batch)
        with self._database.read_transaction(tenant=reader.tenant) as tx:
            return _page(tx, where, after=after, limit=limit, newest_first=True)

    def batches(self, tenant: str) -> tuple[str, ...]:
        """The names of the latest batches, those with the newest video first."""
        videos = tables.videos
        with self._database.read_transaction(tenant=tenant) as tx:
            found = tx.execute(
                select(videos.c.batch)
                .where(
                    *tx.tenant_condition(videos), videos.c.batch.is_not(None), videos.c.deleted_at.is_(None)
                )
                .group_by(videos.c.batch)
                .order_by(func.max(videos.c.created_at).desc())
                .limit(_MAX_BATCHES)
            )
            return tuple(found.scalars())

    def record(self, tenant: str, video_id: str, *, show_vaulted: bool) -> VideoRecord:
        """The whole record of a video. Without `show_vaulted`, that of a vaulted video has no stages."""
        with self._database.read_transaction(tenant=tenant) as tx:
            video = mappers.video(_row(tx, video_id))
            # A repeated step may have left other seals. Only the seal of the released file is returned.
            seal = tx.one(tables.seals, tables.seals.c.sha256 == (video.sealed_sha256 or ""))
            log = tx.select(
                tables.audit_log, tables.audit_log.c.subject == video_id, order_by=(tables.audit_log.c.seq,)
            )
            parents = tx.select(
                tables.video_lineage,
                tables.video_lineage.c.video_id == video_id,
                order_by=(tables.video_lineage.c.created_at, tables.video_lineage.c.parent_id),
            )
            return VideoRecord(
                video=video,
                stages=() if video.vaulted and not show_vaulted else stage_records(tx, video_id),
                attempts=attempts_of(tx, video_id),
                seal=None if seal is None else mappers.seal(seal),
                audit_log=tuple(mappers.audit_entry(row) for row in log),
                parents=tuple({"id": row.parent_id, "derivation": row.derivation} for row in parents),
            )

    def has_intact_seal(self, tenant: str, video_id: str) -> bool:
        """Whether the seal of the delivered file is unchanged, and is that of the file which the output
        verdict names.

        A later check of the delivered file against hash lists adds a verdict that names the delivered file.
        """
        with self._database.read_transaction(tenant=tenant) as tx:
            video = _row(tx, video_id)
            seal = tx.one(tables.seals, tables.seals.c.sha256 == (video.sealed_sha256 or ""))
            judged = judged_sha256s(tx, video_id, Stage.OUTPUT)
        if seal is None or not is_intact(seal):
            return False
        return seal.source_sha256 == video.generated_sha256 and judged - {seal.sha256} == {seal.source_sha256}


def _page(
    tx: Transaction,
    where: Sequence[Filter],
    *,
    after: str | None,
    limit: int,
    newest_first: bool,
) -> Page[Video]:
    videos = tables.videos.c
    columns, conditions = (videos.created_at, videos.id), [videos.deleted_at.is_(None), *where]
    if after is not None:
        start = _row(tx, after)
        conditions.append(follows(columns, (start.created_at, start.id), descending=newest_first))
    order = [column.desc() if newest_first else column.asc() for column in columns]
    return read_page(tx, tables.videos, *conditions, order_by=order, limit=limit).map(mappers.video)


def next_created_at(tx: Transaction) -> float:
    """The creation time of a new video: now, but later than that of all others, even if the clock went back.

    Lists are in the order of creation.
    """
    created_at = tables.videos.c.created_at
    newest = tx.select(tables.videos, columns=[created_at], order_by=(created_at.desc(),), limit=1)
    return max([tx.now(), *(float(row.created_at) + _LIST_STEP_S for row in newest)])


def read_snapshot(tx: Transaction, video_id: str) -> VideoSnapshot:
    """Same as `VideoRepository.snapshot`, but in the open transaction `tx`."""
    row = _row(tx, video_id)
    origin = row.reinstated_from
    return VideoSnapshot(
        video=mappers.video(row),
        run=row.enqueue_count,
        request=mappers.from_json(row.request),
        generated_sha256=row.generated_sha256,
        stages=stage_records(tx, video_id),
        approved=approved_findings(tx, video_id) + (approved_findings(tx, origin) if origin else ()),
        overturned=overturned_findings(tx, origin) if origin else (),
        attempts=attempts_of(tx, video_id),
        files=tuple(files_of(tx, video_id)),
    )


def _row(tx: Transaction, video_id: str) -> Row:
    row = tx.one(tables.videos, video_id)
    if row is None:
        raise NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
    return row


def is_hidden(tx: Transaction, video_id: str) -> bool:
    return bool(
        tx.select(
            video_hidings,
            video_hidings.c.video_id == video_id,
            video_hidings.c.ended_at.is_(None),
            columns=[video_hidings.c.notice_id],
            limit=1,
        )
    )
