"""Opens the quality reviews of a sample, in short transactions."""

from __future__ import annotations

from sqlalchemy import select

from safelight.accounts import ReviewRank
from safelight.store.database import Database, Filter, Transaction
from safelight.store.tables import cases, quality_cases, quality_draws
from safelight.videos.case_rows.models import UNFINISHED

from . import store
from .models import SAMPLE_DUE_S, NewDraw, NewQualityCase, QualityPurpose
from .sampling import Stratum

#: Cases in one transaction. Opening one takes 4 ms, and with SQLite, no other process writes meanwhile.
BATCH = 25


def open_drawn(database: Database, tenant: str, draw_id: str, *, batches: int | None = None) -> None:
    """Open the reviews of a sample that are not open yet; at most this many batches.

    It can be repeated, and several processes may do it at the same time.
    """
    with database.read_transaction(tenant) as tx:
        draw = tx.one(quality_draws, draw_id)
        known = tx.select(quality_cases, *_of_draw(draw_id), columns=[quality_cases.c.opened_for])
    if draw is None or draw.waiting is None:
        return
    opened = {row.opened_for for row in known}
    reviews = [_review_of(draw_id, *entry) for entry in draw.waiting]
    waiting = [review for review in reviews if review.opened_for not in opened]
    starts = range(0, len(waiting), BATCH)[:batches]
    for start in starts:
        with database.transaction(tenant) as tx:
            for review in waiting[start : start + BATCH]:
                store.open_quality_case(tx, review)
    if len(waiting) <= len(starts) * BATCH:
        with database.transaction(tenant) as tx:
            tx.update(quality_draws, draw_id, waiting=None)


def is_same_open(tx: Transaction, new: NewDraw) -> bool:
    """Whether an earlier sample of the same time has reviews that are not answered or not open yet."""
    same = (quality_draws.c.since == new.since, quality_draws.c.until == new.until)
    unfinished = cases.c.state.in_([state.value for state in UNFINISHED])
    for draw in tx.select(quality_draws, *same, columns=[quality_draws.c.id, quality_draws.c.waiting]):
        reviews = select(quality_cases.c.case_id).where(
            *tx.tenant_condition(quality_cases), *_of_draw(draw.id)
        )
        if draw.waiting is not None or tx.count(cases, cases.c.id.in_(reviews), unfinished):
            return True
    return False


def _of_draw(draw_id: str) -> tuple[Filter, ...]:
    return (quality_cases.c.purpose == QualityPurpose.SAMPLE.value, quality_cases.c.source == draw_id)


def _review_of(draw_id: str, video_id: str, stratum: str, category: str) -> NewQualityCase:
    return NewQualityCase(
        purpose=QualityPurpose.SAMPLE,
        source=draw_id,
        video_id=video_id,
        due_s=SAMPLE_DUE_S,
        category=category,
        required_rank=ReviewRank.SENIOR if stratum == Stratum.SEVERE else ReviewRank.REVIEWER,
        stratum=Stratum(stratum),
    )
