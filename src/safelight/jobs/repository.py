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
from safelight.trust.reviews import approved_verdicts, overturned_verdicts

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

    def transition(
        self,
        tx: Transaction,
        video: Video,
        target: VideoState,
        *,
        actor: str,
        why: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Take a video to its next state, if nobody else moved it since it was read. Raises `Superseded`."""
        if not can_transition(video.state, target):
            raise StaleRevision(f"{video.id} is {video.state}; it cannot become {target}")
        now = time.time()
        if target in TERMINAL and target is not VideoState.WITHDRAWN:
            changes.setdefault("ended_at", now)
        if target in TERMINAL or target is VideoState.HELD:
            changes["outcome_summary"] = _summary(tx, video.id)
        self.update(tx, video, state=target.value, **changes)
        tx.append_audit(f"video.{target.value}", subject=video.id, actor=actor, content=dict(why or {}))
        tx.publish(f"video.{target.value}", subject=video.id, body={"id": video.id, "at": now})

    def update(self, tx: Transaction, video: Video, **changes: Any) -> None:
        """Change columns of a video, if nobody else did since it was read. Raises `Superseded`."""
        if "explanation" in changes and changes["explanation"] is not None:
            changes["explanation"] = canonical_json.encode(changes["explanation"])
        changed = tx.update(
            tables.videos,
            tables.videos.c.id == video.id,
            tables.videos.c.revision == video.revision,
            updated_at=time.time(),
            revision=video.revision + 1,
            **changes,
        )
        if changed != 1:
            raise StaleRevision(f"{video.id} changed meanwhile")

    def report_progress(self, tenant: str, video_id: str, percent: int) -> None:
        """Progress alone: no state, no revision, no log entry."""
        with self._database.transaction(tenant=tenant) as tx:
            tx.update(tables.videos, tables.videos.c.id == video_id, progress=percent)

    def record_stage(self, tx: Transaction, video_id: str, judged: StageResult) -> None:
        """Put findings, coverage and verdict of one stage on the record; the log commits to them."""
        judgement_id = new_id("verdict")
        now = time.time()
        body = msgspec.json.encode(judged.verdict)
        packed = pack(judged.findings)
        tx.insert(
            tables.findings,
            id=judgement_id,
            video_id=video_id,
            stage=judged.stage.value,
            findings=packed,
            coverage=msgspec.msgpack.encode(judged.coverage),
            stage_facts=canonical_json.encode(judged.extra),
            created_at=now,
        )
        tx.insert(
            tables.verdicts,
            id=judgement_id,
            video_id=video_id,
            stage=judged.stage.value,
            action=judged.verdict.action.value,
            category=judged.verdict.category,
            rule=judged.verdict.rule,
            subject_sha256=judged.verdict.subject_sha256,
            policy=judged.verdict.policy,
            policy_sha256=judged.verdict.policy_sha256,
            body=body,
            created_at=now,
        )
        tx.append_audit(
            "verdict",
            subject=video_id,
            actor="policy",
            content={"id": judgement_id, "verdict": msgspec.json.decode(body), "findings": packed.hex()},
        )

    def drop_files(self, tx: Transaction, video_id: str, *, kind: str | None = None) -> None:
        """Mark files as no longer this video's; the sweeper removes bytes that are nobody's."""
        where = [tables.assets.c.video_id == video_id, tables.assets.c.deleted_at.is_(None)]
        if kind is not None:
            where.append(tables.assets.c.kind == kind)
        tx.update(tables.assets, *where, deleted_at=time.time())

    def vault_files(self, tx: Transaction, video_id: str) -> None:
        """Mark every file of a video for the vault; the sweeper moves the bytes, and nobody is given them.

        What it was made from is another video's, and goes its own way.
        """
        tx.update(
            tables.assets,
            tables.assets.c.video_id == video_id,
            tables.assets.c.kind != "source",
            tables.assets.c.deleted_at.is_(None),
            retention=Retention.VAULT.value,
        )

    def add_file(
        self,
        tx: Transaction,
        video_id: str,
        *,
        kind: str,
        sha256: str,
        size: int,
        media_type: str,
        retention: Retention,
    ) -> None:
        """Note a file *before* its bytes are stored, so that nobody clears them away. Safe to do twice."""
        tx.select(tables.assets, tables.assets.c.sha256 == sha256, lock=True)
        tx.insert_or_ignore(
            tables.assets,
            id=new_id("asset"),
            video_id=video_id,
            kind=kind,
            sha256=sha256,
            media_type=media_type,
            bytes=size,
            retention=retention.value,
            created_at=time.time(),
        )

    def reuse_file(self, tx: Transaction, video_id: str, file: ReusedFile) -> None:
        """Note that a video rests on a file that is somebody else's too: its bytes stay until both let go."""
        self.add_file(
            tx,
            video_id,
            kind="source",
            sha256=file.sha256,
            size=file.bytes,
            media_type=file.media_type,
            retention=Retention.EVIDENCE,
        )

    # Attempts

    def record_attempt_intent(self, tenant: str, video: Video, *, ownership: Billing) -> Attempt:
        """Commit the intent to order, before the order is sent."""
        attempts = self.attempts(tenant, video.id)
        number = len(attempts) + 1
        with self._database.transaction(tenant=tenant) as tx:
            tx.insert(
                tables.attempts,
                id=new_id("attempt"),
                video_id=video.id,
                number=number,
                generator=video.generator,
                billing=ownership.value,
                idempotency_key=f"{video.id}-{number}",
                created_at=time.time(),
                charge_status="no" if ownership is Billing.OWN else "unknown",
                currency="USD",
                charge_source="",
            )
            tx.append_audit(
                "attempt.intended",
                subject=video.id,
                actor="jobs",
                content={"number": number, "generator": video.generator},
            )
        return self.attempts(tenant, video.id)[-1]

    def record_upstream_id(self, tenant: str, video_id: str, attempt: Attempt, upstream_id: str) -> Attempt:
        """Commit the upstream's id, right after it was given."""
        with self._database.transaction(tenant=tenant) as tx:
            tx.update(
                tables.attempts,
                tables.attempts.c.id == attempt.id,
                upstream_id=upstream_id,
                submitted_at=time.time(),
            )
            tx.append_audit(
                "attempt.submitted",
                subject=video_id,
                actor="jobs",
                content={"number": attempt.number, "upstream_id": upstream_id},
            )
        return self.attempts(tenant, video_id)[-1]

    def record_upstream_deletion(self, tenant: str, video_id: str, attempt: Attempt, fate: str) -> None:
        """Note what became of the upstream's copy: `deleted` or `kept`."""
        with self._database.transaction(tenant=tenant) as tx:
            tx.update(tables.attempts, tables.attempts.c.id == attempt.id, upstream_copy_status=fate)
            tx.append_audit("upstream.copy", subject=video_id, actor="jobs", content={"fate": fate})

    def finish_attempt(
        self,
        tx: Transaction,
        video_id: str,
        attempt: Attempt,
        outcome: str,
        *,
        charge: Charge | None = None,
    ) -> None:
        """Note how an attempt ended and what it cost."""
        changes: dict[str, Any] = {"ended_at": time.time(), "outcome": outcome}
        if charge is not None:
            changes |= {
                "charge_status": charge.charged.value,
                "amount": charge.amount,
                "currency": charge.currency,
                "charge_source": charge.source,
            }
        tx.update(tables.attempts, tables.attempts.c.id == attempt.id, **changes)
        tx.append_audit(
            "attempt.ended",
            subject=video_id,
            actor="jobs",
            content={
                "number": attempt.number,
                "outcome": outcome,
                "charged": charge.charged.value if charge else None,
            },
        )


def _summary(tx: Transaction, video_id: str) -> bytes:
    """Coverage and charge so far: what a transaction records, it records before it moves the video."""
    seen = tx.select(
        tables.findings, tables.findings.c.video_id == video_id, columns=[tables.findings.c.coverage]
    )
    attempts = tx.select(
        tables.attempts, tables.attempts.c.video_id == video_id, order_by=(tables.attempts.c.number,)
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
