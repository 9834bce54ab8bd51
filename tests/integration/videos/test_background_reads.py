"""The background parts read what is due by an index, so that delivered videos cost them nothing."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from bench.idle import copy_rows
from sqlalchemy import event

from safelight.core.background.part import BackgroundPart
from safelight.store.database import Database

from .conftest import House
from .test_video_lifecycle import PAID, NoEngine

#: Tables that get rows with each video or request, and keep them.
_GROWING = r"(videos|assets|attempts|reported_attempts|outbox|verdicts|findings|seals|cases)"
#: A whole table, or a whole index of all its rows.
_SCAN = re.compile(rf"SCAN {_GROWING}\b")
#: PostgreSQL reads an empty table without an index. These are filled.
_SEQUENTIAL = re.compile(r"Seq Scan on (videos|assets|attempts|outbox|verdicts)\b")
#: The index of each query that is made at every round. Each has only rows that are due, or begins with them.
_DUE = {
    ("sweeper", "expire_reviews"): "ix_videos_state_review_due_at",
    ("sweeper", "delete_expired_files"): "ix_videos_expires_at",
    ("sweeper", "delete_kept_clips"): "ix_videos_clip_kept_until",
    ("sweeper", "requeue_abandoned"): "ix_videos_state_updated_at",
    ("sweeper", "move_to_vault"): "ix_assets_retention",
    ("sweeper", "delete_orphaned_blobs"): "ix_assets_deleted_at",
    ("cancellation", "cancel"): "ix_attempts_ended_at",
    ("notifier", "queue_events"): "ix_outbox_topic_due_at",
    ("webhook-pruning", "prune"): "ix_outbox_delivered_at",
    ("drift", "search"): "ix_outbox_topic_created_at",
}


#: A video of the local generator, and one of an upstream.
_REQUESTS: tuple[dict[str, Any], ...] = ({}, PAID)


class Part(NoEngine):
    """A queue without background parts."""

    parts: tuple[BackgroundPart, ...] = ()


@contextmanager
def noted(database: Database) -> Iterator[dict[str, Any]]:
    """The statements of the block, and their parameters."""
    sent: dict[str, Any] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            sent.setdefault(statement, parameters)

    event.listen(database._engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database._engine, "before_cursor_execute", note)


def plans(database: Database, statements: dict[str, Any]) -> list[str]:
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.raw_connection(readonly=True) as connection:
        return [
            " | ".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters))
            for statement, parameters in statements.items()
            if "FROM dbos." not in statement
        ]


def test_every_background_part_reads_what_is_due_by_an_index(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = [house.make(**options) for options in _REQUESTS]
    database = house.database
    if not database.is_sqlite:
        # The plans of PostgreSQL follow the number of rows, and those of SQLite do not.
        for video in videos:
            copy_rows(database, video.id, 3000)
        with database.raw_connection() as connection:
            connection.exec_driver_sql("ANALYZE")
    monkeypatch.setattr(house.container.core, "shutdown_event", threading.Event())
    monkeypatch.setattr(house.container.pipeline, "queue", Part(), raising=False)
    found: dict[tuple[str, str], list[str]] = {}
    for part in house.container.background.parts:
        for task in part._tasks:
            with noted(database) as sent:
                task.run()
            found[part.name, task.name] = plans(database, sent)
    whole = [
        (*name, plan)
        for name, each in found.items()
        for plan in each
        if (_SCAN if database.is_sqlite else _SEQUENTIAL).search(plan)
    ]
    assert whole == []
    for name, index in _DUE.items():
        assert any(re.search(rf"\b{index}\b", plan) for plan in found[name]), (name, found[name])
