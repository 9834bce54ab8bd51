"""Hides a video until a person decided about a notice, and shows it again."""

from __future__ import annotations

from sqlalchemy import or_, select

from safelight.accounts.reporter import Reporter
from safelight.accounts.statements import (
    NO_GROUND,
    DecisionGround,
    GroundBasis,
    NewStatement,
    Objection,
    StatementKind,
    StatementSource,
    record_statement,
)
from safelight.policy.findings import Stage
from safelight.store.database import Transaction
from safelight.store.tables import notices, video_hidings, videos
from safelight.videos.repository import is_hidden

from .lanes import ReportLane

#: How many videos a reporter can have hidden at once before one of these notices is upheld. More notices wait
#: for a person: otherwise anyone could hide a whole platform.
MAX_UNPROVEN_HIDINGS = 3
#: How many videos the end users of one API key can have hidden at once, and all visitors: those without an
#: upheld notice together, because a program can invent end users, and one with an upheld notice alone.
MAX_HIDINGS_OF_CROWD = 100


def may_hide(tx: Transaction, reporter: Reporter) -> bool:
    """Whether a notice of this reporter still hides a video at once. The crowd must be locked."""
    of = video_hidings.c
    rows = tx.select(video_hidings, of.reporter == reporter.name)
    if any(row.upheld for row in rows):
        return sum(row.ended_at is None for row in rows) < MAX_HIDINGS_OF_CROWD
    if len(rows) >= MAX_UNPROVEN_HIDINGS:
        return False
    of_crowd = or_(of.reporter == reporter.source, of.reporter.startswith(reporter.crowd, autoescape=True))
    proven = select(of.reporter).where(*tx.tenant_condition(video_hidings), of_crowd, of.upheld.is_(True))
    return (
        tx.count(video_hidings, of_crowd, of.ended_at.is_(None), of.reporter.not_in(proven))
        < MAX_HIDINGS_OF_CROWD
    )


def hide(tx: Transaction, video_id: str, *, notice_id: str, reporter: str) -> bool:
    """Hide a video for a notice. Returns False if this notice hides it already."""
    added = tx.insert_or_ignore(
        video_hidings, video_id=video_id, notice_id=notice_id, reporter=reporter, hidden_at=tx.now()
    )
    if added:
        tx.append_audit("video.hidden", subject=video_id, actor="notices", content={"notice": notice_id})
        lane = tx.select(notices, notice_id, columns=[notices.c.lane])
        ordered = any(row.lane == ReportLane.REMOVAL_ORDER.value for row in lane)
        _state(tx, video_id, StatementKind.HIDDEN, is_ordered=ordered)
    return added


def end_hiding(tx: Transaction, video_id: str, *, notice_id: str, upheld: bool) -> bool:
    """End the hiding of a notice, if there is one. The video is shown again if no other notice hides it."""
    ended = tx.update(
        video_hidings,
        video_hidings.c.video_id == video_id,
        video_hidings.c.notice_id == notice_id,
        video_hidings.c.ended_at.is_(None),
        ended_at=tx.now(),
        upheld=upheld,
    )
    if ended and not upheld:
        tx.append_audit("video.restored", subject=video_id, actor="notices", content={"notice": notice_id})
        if not is_hidden(tx, video_id):
            _state(tx, video_id, StatementKind.RESTORED)
    return bool(ended)


def _state(tx: Transaction, video_id: str, kind: StatementKind, *, is_ordered: bool = False) -> None:
    """Tell the person who requested the video. The statement never names the reporter."""
    video = tx.one(videos, video_id)
    if video is None:
        return
    hidden = kind is StatementKind.HIDDEN
    new = NewStatement(
        kind=kind,
        source=StatementSource.AUTHORITY if is_ordered else StatementSource.REPORT,
        ground=DecisionGround(basis=GroundBasis.NOTICE) if hidden and not is_ordered else NO_GROUND,
        automated_detection=False,
        automated_decision=hidden,
        account=video.principal_id,
        end_user=video.end_user,
        video_id=video_id,
        stage=Stage.DELIVERY,
        objection=Objection.OPERATOR if hidden else Objection.NONE,
    )
    record_statement(tx, new)
