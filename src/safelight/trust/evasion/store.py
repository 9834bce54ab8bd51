"""Stores sketches of blocked prompts in the database, which all processes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, or_

from safelight.ids import new_id
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action
from safelight.store.tables import blocked_prompt_sketches, videos
from safelight.store.transaction import Transaction

from .models import MAX_COMPARED_BLOCKS, MAX_COMPARED_OTHERS, WINDOW_S, Requester, SimilarBlock

_TABLE = blocked_prompt_sketches.c
#: States of a video that our policy or a reviewer ended. A provider's block has the same state and another
#: verdict.
_ENDED_BY_POLICY = ("rejected", "blocked")


def read_recent_blocks(tx: Transaction, subject: str) -> list[Row[Any]]:
    """The newest blocked prompts of this end user or account that are still remembered."""
    return _read_newest(tx, _TABLE.subject == subject, _TABLE.blocked, limit=MAX_COMPARED_BLOCKS)


def read_similar_requests(tx: Transaction, subject: str) -> list[Row[Any]]:
    """The newest requests of this end user or account that were similar to a block."""
    return _read_newest(tx, _TABLE.subject == subject, ~_TABLE.blocked, limit=MAX_COMPARED_OTHERS)


def read_blocks_of_others(tx: Transaction, requester: Requester) -> list[Row[Any]]:
    """The newest blocked prompts of other end users of the same account."""
    others = _TABLE.subject != requester.subject
    return _read_newest(
        tx, _TABLE.account == requester.account, others, _TABLE.blocked, limit=MAX_COMPARED_OTHERS
    )


def _read_newest(tx: Transaction, *conditions: ColumnElement[bool], limit: int) -> list[Row[Any]]:
    return tx.select(
        blocked_prompt_sketches,
        *conditions,
        _TABLE.at >= tx.now() - WINDOW_S,
        order_by=(_TABLE.at.desc(), _TABLE.id.desc()),
        limit=limit,
    )


def read_later_blocks(tx: Transaction, principal_id: str, end_user: str | None) -> list[Row[Any]]:
    """The videos of this end user or account that our policy or a reviewer blocked within the window, without
    those whose prompt was blocked by itself: these have a sketch.
    """
    since = tx.now() - WINDOW_S
    own = videos.c.end_user == end_user if end_user else videos.c.principal_id == principal_id
    return tx.select(
        videos,
        videos.c.state.in_(_ENDED_BY_POLICY),
        videos.c.updated_at >= since,
        videos.c.ended_at >= since,
        videos.c.verdict_action == Action.BLOCK.value,
        videos.c.reinstated_as.is_(None),
        or_(videos.c.stage != Stage.PROMPT.value, videos.c.hold_stage.is_not(None)),
        own,
        *(() if end_user else (videos.c.end_user.is_(None),)),
        order_by=(videos.c.ended_at.desc(),),
        limit=MAX_COMPARED_BLOCKS,
    )


def add_block(
    tx: Transaction,
    *,
    requester: Requester,
    lineage: str,
    video_id: str | None,
    sketch: bytes,
    matched_categories: Mapping[str, float],
) -> None:
    """Store a blocked prompt, and delete sketches that are too old."""
    _delete_old(tx)
    tx.insert(
        blocked_prompt_sketches,
        id=new_id("sketch"),
        subject=requester.subject,
        account=requester.account,
        lineage=lineage,
        video_id=video_id,
        sketch=sketch,
        matched_categories=dict(matched_categories),
        blocked=True,
        at=tx.now(),
    )


def add_similar_request(tx: Transaction, requester: Requester, *, sketch: bytes, block: SimilarBlock) -> None:
    """Store a request that is similar to a block, unless it is stored already, and delete sketches that are
    too old.
    """
    _delete_old(tx)
    same = (
        _TABLE.subject == requester.subject,
        _TABLE.sketch == sketch,
        _TABLE.at >= block.at,
        ~_TABLE.blocked,
    )
    if tx.select(blocked_prompt_sketches, *same, limit=1):
        return
    tx.insert(
        blocked_prompt_sketches,
        id=new_id("sketch"),
        subject=requester.subject,
        account=requester.account,
        lineage=block.id,
        video_id=None,
        sketch=sketch,
        matched_categories={},
        blocked=False,
        at=block.at,
    )


def delete_blocks_of_video(tx: Transaction, video_id: str) -> None:
    """Forget the blocked prompt of a reinstated video, the checks of its lineage, and the requests that were
    similar to one of these or to the video.
    """
    gone = [video_id]
    for row in tx.select(blocked_prompt_sketches, _TABLE.video_id == video_id):
        of_lineage = (
            _TABLE.subject == row.subject,
            _TABLE.lineage == row.lineage,
            or_(_TABLE.video_id == video_id, _TABLE.video_id.is_(None)),
        )
        gone += [one.id for one in tx.select(blocked_prompt_sketches, *of_lineage)]
        tx.delete(blocked_prompt_sketches, *of_lineage)
    tx.delete(blocked_prompt_sketches, ~_TABLE.blocked, _TABLE.lineage.in_(gone))


def _delete_old(tx: Transaction) -> None:
    tx.delete(blocked_prompt_sketches, _TABLE.at < tx.now() - WINDOW_S)
