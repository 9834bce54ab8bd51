"""Uploads that are copies of delivered videos: sources of what is made from them, like that of a remix.

The delivered video can be of another tenant. Only this module connects the two; no record shows it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from safelight.accounts.statements import DecisionGround, GroundBasis, Objection, StatementSource
from safelight.consents.uses import record_use
from safelight.core.background.rows import RowFailures
from safelight.core.errors import Withdrawn
from safelight.core.ids import is_id
from safelight.policy.findings import Finding
from safelight.policy.intended_use import VideoRequester
from safelight.store.database import Database, Transaction
from safelight.store.tables import characters, copied_sources, videos

from .context import PipelineContext
from .lineage import LineageTrace
from .models import VideoState
from .source_consents import sources_of, with_consents
from .video_statements import WithdrawalCause
from .withdrawal import end_family_within

_MAX_PER_ROUND = 100
#: Withdrawals that each round looks at. Older ones can only matter after an error or a very long check.
_RECENT_S = 3600.0
#: Time between two searches over all copies, which read the whole table.
FULL_SEARCH_S = 3600.0
#: Nothing about the withdrawal of another tenant's video is stated. An appeal cannot bring the source back.
_CAUSE = WithdrawalCause(
    source=StatementSource.POLICY,
    ground=DecisionGround(basis=GroundBasis.SOURCE),
    automated_detection=True,
    automated_decision=True,
    objection=Objection.OPERATOR,
)


@dataclass(frozen=True, kw_only=True)
class CopiedSources:
    """The delivered videos of which the uploads of a request are copies."""

    video_ids: tuple[str, ...] = ()
    #: The consents of the own tenant on which they rest.
    consents: tuple[str, ...] = ()
    #: One for each consent that does not cover the request.
    findings: tuple[Finding, ...] = ()

    def record(self, tx: Transaction, video_id: str) -> None:
        """Record the sources of a new video or character. The second time changes nothing.

        No source is locked: if one was withdrawn meanwhile, `withdraw_copies` finds the row.
        """
        for source_id in self.video_ids:
            tx.insert_or_ignore(
                copied_sources, video_id=video_id, source_id=source_id, created_at=tx.now(), ended_at=None
            )
        for consent_id in self.consents:
            record_use(tx, consent_id, video_id)


def look_up_copied_sources(
    database: Database,
    tenant: str,
    video_ids: Collection[str],
    requester: VideoRequester,
    *,
    compares_faces: bool,
) -> CopiedSources:
    """These delivered videos of any tenant as sources, and the consents of the own tenant behind them, also
    behind copies that other tenants made of them.

    Raises `Withdrawn` if such a consent was withdrawn and its videos are not withdrawn yet.
    """
    if not video_ids:
        return CopiedSources()
    with database.across_tenants("the sources of an upload", readonly=True) as tx:
        newest = sorted({newest_release(tx, each) for each in video_ids})
        behind = _sources_across_tenants(tx, newest)
    with database.read_transaction(tenant) as tx:
        trace = LineageTrace(parents=dict.fromkeys(behind, "copy"))
        rested = with_consents(tx, trace, requester, compares_faces=compares_faces)
    return CopiedSources(video_ids=tuple(newest), consents=rested.consents, findings=rested.prior)


def hand_on_copied_sources(tx: Transaction, old_id: str, new_id: str) -> None:
    """Give a reinstated video the sources of the old one. Raises `Withdrawn` if one was withdrawn."""
    for row in tx.select(copied_sources, copied_sources.c.video_id == old_id):
        if row.ended_at is not None:
            raise Withdrawn("A source of this video was withdrawn.")
        tx.insert(
            copied_sources, video_id=new_id, source_id=row.source_id, created_at=tx.now(), ended_at=None
        )


def withdraw_copies(context: PipelineContext, faults: RowFailures, *, only_recent: bool) -> int:
    """End the videos and characters, of all tenants, with a source that was withdrawn or vaulted.

    `only_recent`: only withdrawals of the last hour, which reads few rows. A crash loses nothing: a row of
    `copied_sources` stays open until its video was ended. A chain takes one round for each tenant that it
    crosses. Returns the number of rows that were closed.
    """
    ended_sources = or_(videos.c.state == VideoState.WITHDRAWN.value, videos.c.vaulted)
    if only_recent:
        # A delivered video is vaulted only together with its withdrawal.
        since = context.database.clock() - _RECENT_S
        ended_sources = and_(videos.c.state == VideoState.WITHDRAWN.value, videos.c.updated_at >= since)
    name = copied_sources.c.video_id + " " + copied_sources.c.source_id
    with context.database.across_tenants("copies of withdrawn videos", readonly=True) as tx:
        rows = tx.execute(
            select(copied_sources)
            .join(videos, videos.c.id == copied_sources.c.source_id)
            .where(
                copied_sources.c.ended_at.is_(None),
                ended_sources,
                # Before the limit, so that rows that fail do not hold up all others.
                name.not_in(faults.parked()),
            )
            .order_by(copied_sources.c.created_at, copied_sources.c.video_id)
            .limit(_MAX_PER_ROUND)
        ).all()
    closed = 0
    for row in rows:
        with (
            faults.attempt(f"{row.video_id} {row.source_id}"),
            context.database.transaction(row.tenant_id) as tx,
        ):
            why = "a source was withdrawn"
            end_family_within(context, tx, row.video_id, actor="sweeper", why=why, cause=_CAUSE)
            closed += tx.update(
                copied_sources,
                copied_sources.c.video_id == row.video_id,
                copied_sources.c.source_id == row.source_id,
                ended_at=tx.now(),
            )
    return closed


def _sources_across_tenants(tx: Transaction, video_ids: Collection[str]) -> list[str]:
    """The ids of these videos, of their sources and of the sources of those, each once."""
    found = list(video_ids)
    for each in found:
        table = videos if is_id(each, "video") else characters
        row = tx.one(table, each)
        if row is not None:
            own = sources_of(tx.of_tenant(row.tenant_id), (each,))
            found += [source for source in own if source not in found]
    return found


def newest_release(tx: Transaction, video_id: str) -> str:
    """The id under which the file of a video was released last. A withdrawal concerns that one."""
    row = tx.one(videos, video_id)
    while row is not None and row.reinstated_as:
        video_id = row.reinstated_as
        row = tx.one(videos, video_id)
    return video_id
