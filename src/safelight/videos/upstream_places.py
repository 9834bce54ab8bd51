"""The places at an upstream that all processes on one database share, read from the attempts."""

from __future__ import annotations

from sqlalchemy import func, select

from safelight.store import tables
from safelight.store.database import Transaction
from safelight.store.named_locks import lock_name

from .fair_order import SlotRequest
from .models import VideoState
from .upstream_gate import MINUTE_S, Occupancy, UpstreamGate


def read_occupancy(tx: Transaction, generator: str) -> Occupancy:
    """The videos of all tenants at the upstream of this generator, its submissions of a minute, and the pause
    that it asked for.
    """
    now = tx.now()
    attempts, videos = tables.attempts.c, tables.videos.c
    same = (attempts.tenant_id == videos.tenant_id) & (attempts.video_id == videos.id)
    inside = (
        select(videos.tenant_id, videos.principal_id, videos.created_at, videos.id)
        .join(tables.attempts, same)
        .where(
            attempts.generator == generator,
            attempts.ended_at.is_(None),
            videos.state == VideoState.GENERATING.value,
            videos.generated_at.is_(None),
        )
    )
    recent = tx.count(tables.attempts, attempts.generator == generator, attempts.created_at > now - MINUTE_S)
    retry_at = tx.execute(
        select(func.max(attempts.retry_at)).where(attempts.generator == generator, attempts.retry_at > now)
    ).scalar()
    return Occupancy(
        inside={
            row.id: SlotRequest(
                tenant=row.tenant_id, key=row.principal_id, since=row.created_at, video_id=row.id
            )
            for row in tx.execute(inside)
        },
        recent=recent,
        closed_s=0.0 if retry_at is None else retry_at - now,
    )


def claim_place(tx: Transaction, gate: UpstreamGate, generator: str, request: SlotRequest) -> None:
    """Raise `UpstreamPending` unless the videos of all processes leave this one a place. Until the end of the
    transaction, which is one across tenants, no other one gets a place.
    """
    lock_name(tx, f"places at {generator}")
    gate.claim(request, read_occupancy(tx, generator))
