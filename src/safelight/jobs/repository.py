"""Every query about videos. A move between states is one transaction: row, log entry, event."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, or_

from safelight import canonical_json
from safelight.errors import NotFound
from safelight.generation.protocol import Billing, Charge
from safelight.ids import new_id
from safelight.moderation.evaluation import StageResult
from safelight.policy.coverage import Coverage
from safelight.policy.findings import Finding, Stage, pack, unpack
from safelight.store import tables
from safelight.store.database import Database
from safelight.store.retention import Retention
from safelight.store.transaction import Transaction
from safelight.trust.reviews import approved_verdict_ids

from . import mappers
from .models import Attempt, Page, ReusedFile, StageRecord, Video
from .states import TERMINAL, VideoState, can_transition
from .summary import summary


class StaleRevision(Exception):
    """The video has changed since it was read. Not in the error tree: its callers catch it."""


class VideoRepository:
    """Videos, their attempts, files and judgements, of one tenant per call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Reading

    def get(self, tenant: str, video_id: str) -> Video:
        return mappers.video(self.row(tenant, video_id))

    def row(self, tenant: str, video_id: str) -> Row[Any]:
        with self._database.read_transaction(tenant=tenant) as tx:
            row = tx.one(tables.videos, tables.videos.c.id == video_id)
        if row is None:
            raise NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
        return row

    def request(self, tenant: str, video_id: str) -> dict[str, Any]:
        """The request as accepted: texts, typed extras, references; `pending` where not all are judged."""
        request: dict[str, Any] = mappers.from_json(self.row(tenant, video_id).request)
        return request

    def page(self, tenant: str, *, after: str | None, limit: int, newest_first: bool) -> Page:
        """Accepted videos in order of creation; `after` is the id of the last one seen."""
        videos = tables.videos.c
        where: list[ColumnElement[bool]] = [videos.accepted_at.is_not(None), videos.deleted_at.is_(None)]
        if after is not None:
            start = self.row(tenant, after)
            earlier = and_(videos.created_at == start.created_at, videos.id < start.id)
            later = and_(videos.created_at == start.created_at, videos.id > start.id)
            if newest_first:
                where.append(or_(videos.created_at < start.created_at, earlier))
            else:
                where.append(or_(videos.created_at > start.created_at, later))
        order = (
            (videos.created_at.desc(), videos.id.desc())
            if newest_first
            else (videos.created_at.asc(), videos.id.asc())
        )
        with self._database.read_transaction(tenant=tenant) as tx:
            found = tx.select(tables.videos, *where, order_by=order, limit=limit + 1)
        return Page(videos=tuple(mappers.video(row) for row in found[:limit]), has_more=len(found) > limit)

    def attempts(self, tenant: str, video_id: str) -> tuple[Attempt, ...]:
        with self._database.read_transaction(tenant=tenant) as tx:
            found = tx.select(
                tables.attempts,
                tables.attempts.c.video_id == video_id,
                order_by=(tables.attempts.c.number,),
            )
        return tuple(mappers.attempt(row) for row in found)

    def judgements(self, tenant: str, video_id: str) -> tuple[StageRecord, ...]:
        """What every stage saw and decided, oldest first; a stage judged twice is there twice."""
        with self._database.read_transaction(tenant=tenant) as tx:
            verdicts = tx.select(
                tables.verdicts,
                tables.verdicts.c.video_id == video_id,
                order_by=(tables.verdicts.c.created_at, tables.verdicts.c.id),
            )
            seen = {row.id: row for row in tx.select(tables.findings, tables.findings.c.video_id == video_id)}
        return tuple(mappers.judgement(row, seen[row.id]) for row in verdicts if row.id in seen)

    def findings_of(self, tenant: str, video_id: str, *stages: Stage) -> tuple[Finding, ...]:
        """What was found at these stages, to be judged together with what a later one finds."""
        return tuple(
            finding
            for judgement in self.judgements(tenant, video_id)
            if judgement.stage in stages
            for finding in judgement.findings
        )

    def approved_findings(self, tenant: str, video_id: str) -> tuple[Finding, ...]:
        """What was found before a person looked and let the video through."""
        with self._database.read_transaction(tenant=tenant) as tx:
            return _findings(tx, video_id, approved_verdicts(tx, video_id))

    def overturned_findings(self, tenant: str, video_id: str) -> tuple[Finding, ...]:
        """What blocked the video this one was released from, once its appeal was won."""
        with self._database.read_transaction(tenant=tenant) as tx:
            before = _released_from(tx, video_id)
            return _findings(tx, before, overturned_verdicts(tx, before)) if before else ()

    def was_reviewed(self, tenant: str, video_id: str) -> bool:
        """Whether a person has let the video through anywhere on its way, or an appeal for it was won."""
        with self._database.read_transaction(tenant=tenant) as tx:
            return bool(approved_verdicts(tx, video_id) or _released_from(tx, video_id))

    def last_attempt(self, tenant: str, video_id: str) -> Attempt | None:
        attempts = self.attempts(tenant, video_id)
        return attempts[-1] if attempts else None

    def files(self, tenant: str, video_id: str, *, kind: str | None = None) -> list[Row[Any]]:
        where = [tables.assets.c.video_id == video_id, tables.assets.c.deleted_at.is_(None)]
        if kind is not None:
            where.append(tables.assets.c.kind == kind)
        with self._database.read_transaction(tenant=tenant) as tx:
            return tx.select(tables.assets, *where, order_by=(tables.assets.c.created_at,))

    def parents(self, tenant: str, video_id: str) -> list[Row[Any]]:
        """What a video was made from at first hand."""
        with self._database.read_transaction(tenant=tenant) as tx:
            return tx.select(
                tables.video_lineage,
                tables.video_lineage.c.video_id == video_id,
                order_by=(tables.video_lineage.c.created_at, tables.video_lineage.c.parent_id),
            )

    def seal(self, video: Video) -> Row[Any] | None:
        """The seal of the file that is given out; a step that was run again may have left others."""
        with self._database.read_transaction(tenant=video.tenant) as tx:
            return tx.one(tables.seals, tables.seals.c.sha256 == (video.sealed_sha256 or ""))

    def audit_entries(self, tenant: str, video_id: str) -> list[Row[Any]]:
        with self._database.read_transaction(tenant=tenant) as tx:
            return tx.select(
                tables.audit_log, tables.audit_log.c.subject == video_id, order_by=(tables.audit_log.c.seq,)
            )

    # Writing

def read_snapshot(tx: Transaction, video_id: str) -> VideoSnapshot:
    """As `VideoRepository.snapshot`, in a transaction that is open already."""
    row = _row(tx, video_id)
    origin = row.reinstated_from
    return VideoSnapshot(
        video=mappers.video(row),
        request=mappers.from_json(row.request),
        generated_sha256=row.generated_sha256,
        stages=stage_records(tx, video_id),
        approved=approved_findings(tx, video_id),
        overturned=overturned_findings(tx, origin) if origin else (),
        reviewed=bool(approved_verdict_ids(tx, video_id) or origin),
        attempts=attempts_of(tx, video_id),
        files=tuple(files_of(tx, video_id)),
    )
    cells = (cell for row in seen for cell in msgspec.msgpack.decode(row.coverage, type=Coverage))
    return canonical_json.encode(summary(cells, (mappers.attempt(row).charge for row in attempts)))


def _released_from(tx: Transaction, video_id: str) -> str | None:
    row = tx.one(tables.videos, tables.videos.c.id == video_id)
    return None if row is None else row.reinstated_from


def _findings(tx: Transaction, video_id: str, looked_at: frozenset[str]) -> tuple[Finding, ...]:
    """What these verdicts on a video rest on."""
    if not looked_at:
        return ()
    found = tx.select(
        tables.findings, tables.findings.c.video_id == video_id, tables.findings.c.id.in_(looked_at)
    )
    return tuple(finding for row in found for finding in unpack(row.findings))
