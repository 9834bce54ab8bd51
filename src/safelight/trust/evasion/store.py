"""Sketches of what was blocked, by whom, in the database: the same for every process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from safelight.ids import new_id
from safelight.store.tables import blocked_prompt_sketches
from safelight.store.transaction import Transaction

from .models import COMPARED, WINDOW_S


def recent(tx: Transaction, subject: str) -> list[Row[Any]]:
    """The newest tries of this subject that are still remembered."""
    return tx.select(
        blocked_prompt_sketches,
        blocked_prompt_sketches.c.subject == subject,
        blocked_prompt_sketches.c.at >= tx.now() - WINDOW_S,
        order_by=(blocked_prompt_sketches.c.at.desc(),),
        limit=COMPARED,
    )


def add(tx: Transaction, *, subject: str, lineage: str, sketch: bytes, about: Mapping[str, float]) -> None:
    """Remember one try, and forget what is too old."""
    now = tx.now()
    tx.delete(blocked_prompt_sketches, blocked_prompt_sketches.c.at < now - WINDOW_S)
    tx.insert(
        blocked_prompt_sketches,
        id=new_id("rewording"),
        subject=subject,
        lineage=lineage,
        sketch=sketch,
        matched_categories=dict(about),
        at=now,
    )
