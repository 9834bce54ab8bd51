"""Rows of videos, written without a pipeline."""

from __future__ import annotations

from typing import Any

from safelight.core.ids import new_id
from safelight.store.database import Transaction
from safelight.store.tables import videos


def add_video(tx: Transaction, **fields: Any) -> str:
    """The id of a new video, which is held at its prompt unless `fields` say otherwise."""
    now = tx.now()
    row = {
        "id": new_id("video"),
        "state": "held",
        "stage": "prompt",
        "created_at": now,
        "updated_at": now,
        "principal_id": "key_1",
        "model": "storyboard",
        "generator": "storyboard",
        "prompt": "a lake",
        "seconds": 4,
        "width": 1280,
        "height": 720,
        "request": b'{"pending":false}',
        "request_sha256": "0" * 64,
    } | fields
    tx.insert(videos, **row)
    return str(row["id"])
