"""Finished videos that cannot be downloaded from their upstreams."""

from __future__ import annotations

from sqlalchemy import select

from safelight.store.database import Transaction
from safelight.store.tables import attempts, videos

from .models import VideoState


def cut_downloads(tx: Transaction) -> dict[str, str]:
    """The sentence about each upstream with finished videos whose download fails again and again."""
    same = (attempts.c.tenant_id == videos.c.tenant_id) & (attempts.c.video_id == videos.c.id)
    rows = tx.execute(
        select(attempts.c.generator, videos.c.download_problem)
        .join(videos, same)
        .where(
            attempts.c.ended_at.is_(None),
            videos.c.download_problem.is_not(None),
            videos.c.state == VideoState.GENERATING.value,
        )
        .order_by(attempts.c.submitted_at)
    )
    problems: dict[str, list[str]] = {}
    for row in rows:
        problems.setdefault(row.generator, []).append(row.download_problem)
    found = {}
    for name, mine in problems.items():
        plural, first = ("s", "; the first") if len(mine) > 1 else ("", "")
        found[name] = f"{len(mine)} finished video{plural} cannot be downloaded{first}: {mine[0]}"
    return found
