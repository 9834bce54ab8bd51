"""Stores sketches of blocked prompts in the database, which all processes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from safelight.ids import new_id
from safelight.store.tables import blocked_prompt_sketches
from safelight.store.transaction import Transaction

from .models import MAX_COMPARED_BLOCKS, WINDOW_S


def read_recent_blocks(tx: Transaction, subject: str) -> list[Row[Any]]:
    """The newest blocked prompts of this end user or account that are still remembered."""
    return tx.select(
        blocked_prompt_sketches,
        blocked_prompt_sketches.c.subject == subject,
        blocked_prompt_sketches.c.at >= tx.now() - WINDOW_S,
        order_by=(blocked_prompt_sketches.c.at.desc(),),
        limit=MAX_COMPARED_BLOCKS,
    )


def add_block(
    tx: Transaction, *, subject: str, lineage: str, sketch: bytes, matched_categories: Mapping[str, float]
) -> None:
    """Store a blocked prompt, and delete those that are too old."""
    now = tx.now()
    tx.delete(blocked_prompt_sketches, blocked_prompt_sketches.c.at < now - WINDOW_S)
    tx.insert(
        blocked_prompt_sketches,
        id=new_id("sketch"),
        subject=subject,
        lineage=lineage,
        sketch=sketch,
        matched_categories=dict(matched_categories),
        at=now,
    )
