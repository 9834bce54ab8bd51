"""The background parts meet errors of every kind, and work on afterwards."""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from dbos._error import DBOSException
from sqlalchemy.exc import IntegrityError, OperationalError

from safelight.accounts.audit import verify
from safelight.core.background.part import UNREADY_AFTER, BackgroundPart
from safelight.core.background.rows import MAX_TRIES
from safelight.core.errors import Conflict, Unavailable
from safelight.core.ids import new_id
from safelight.provenance.recovery.conclusion import Answer, Ground
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.store.retention import Retention
from safelight.videos.models import Video, VideoState
from safelight.videos.queue import DurableQueue
from safelight.videos.registry import KEEP_DAYS, CheckFeedback, NewFeedback
from safelight.videos.sweeper import Sweeper
from safelight.videos.transitions import StaleRevision
from safelight.web.notifier import Notifier

from .conftest import House
from .test_video_lifecycle import NoEngine, sweeper

pytestmark = pytest.mark.both_databases

ROUNDS = 3


def operational(message: str) -> OperationalError:
    return OperationalError("SELECT 1", None, sqlite3.OperationalError(message))


ERRORS: dict[str, Callable[[], Exception]] = {
    "locked": lambda: operational("database is locked"),
    "gone": lambda: operational("unable to open database file"),
    "full": lambda: operational("database or disk is full"),
    "read-only": lambda: operational("attempt to write a readonly database"),
    "unknown": lambda: operational("no such table: videos"),
    "integrity": lambda: IntegrityError("INSERT", None, sqlite3.IntegrityError("UNIQUE constraint failed")),
    "engine": lambda: DBOSException("the engine failed"),
    "stale": lambda: StaleRevision(new_id("video")),
    "lost claim": lambda: Conflict("Another process has this row."),
    "ENOSPC": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "EIO": lambda: OSError(errno.EIO, "Input/output error"),
}


def expired(house: House, number: int = 0) -> Video:
    """A delivered video whose files are to be deleted."""
    video = house.order(f"a quiet lake, take {number}")
    house.change(video, state=VideoState.DELIVERED.value, stage="delivery", expires_at=0.0)
    return video


def deleted(house: House, video: Video) -> bool:
    return house.context.videos.row(video.tenant, video.id).deleted_at is not None


def events(house: House, video: Video) -> list[str]:
    return [entry["event"] for entry in house.record(video).audit_log]


def waiting_events(house: House) -> list[str]:
    with house.database.across_tenants("a test", readonly=True) as tx:
        return [row.topic for row in tx.select(tables.outbox, tables.outbox.c.delivered_at.is_(None))]


def notifier(house: House) -> Notifier:
    house.container.core.shutdown_event = threading.Event()
    return house.container.background.notifier


def fail_in(monkeypatch: pytest.MonkeyPatch, part: BackgroundPart, error: Callable[[], Exception]) -> None:
    """Some rounds in which every statement of the part fails."""

    def failing(*_: object, **__: object) -> Any:
        raise error()

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "select", failing)
        for _ in range(ROUNDS):
            part.run_all()


def test_the_sweeper_works_on_after_every_error(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sweeper(house)
    for number, (name, error) in enumerate(ERRORS.items()):
        video = expired(house, number)
        fail_in(monkeypatch, made.part, error)
        assert not deleted(house, video), name
        made.sweep()
        assert deleted(house, video), name
        assert made.part.health().problem is None, name
    assert made.part.health().errors >= ROUNDS * len(ERRORS)


def test_the_notifier_works_on_after_every_error(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = notifier(house)
    for number, (name, error) in enumerate(ERRORS.items()):
        house.order(f"a quiet lake, take {number}")
        fail_in(monkeypatch, made.part, error)
        assert waiting_events(house) == ["video.queued"], name
        made.part.run_all()
        assert waiting_events(house) == [], name
        assert made.part.health().problem is None, name
    assert made.part.health().errors >= ROUNDS * len(ERRORS)


def test_the_checkpoint_writer_works_on_after_every_error(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = house.container.persistence
    writer = parts.audit_checkpoint_writer
    for number, (name, error) in enumerate(ERRORS.items()):
        house.order(f"a quiet lake, take {number}")
        fail_in(monkeypatch, writer.part, error)
        writer.part.run_all()
        found = verify(parts.database, parts.audit_checkpoints, parts.audit_checkpoint_key)
        assert found.ok, name
        assert found.last_signed_seq == found.entries, name
    assert writer.part.health().errors == ROUNDS * len(ERRORS)


def test_an_error_of_the_queue_does_not_stop_the_rest_of_the_cleanup(house: House) -> None:
    class BrokenEngine(NoEngine):
        error: Callable[[], Exception]

        def active(self, runs: Iterable[tuple[str, int]]) -> set[str]:
            raise self.error()

        def prune_history(self, before: float) -> int:
            raise self.error()

    engine = BrokenEngine()
    made = Sweeper(house.context, engine)  # type: ignore[arg-type]
    for number, (name, error) in enumerate(ERRORS.items()):
        video, engine.error = expired(house, number), error
        made.sweep()
        assert deleted(house, video), name


def read_then(made: Sweeper, before: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Something happens between the moment the sweeper reads its rows and the moment it changes them."""
    read = made._videos

    def reading(*where: Any) -> Any:
        rows = read(*where)
        before()
        return rows

    monkeypatch.setattr(made, "_videos", reading)


def test_videos_deleted_at_the_moment_they_expire_do_not_stop_the_sweeper(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = expired(house, 1), expired(house, 2)
    made = sweeper(house)
    read_then(made, lambda: house.videos.delete(house.who, first.id), monkeypatch)
    made.delete_expired_files()
    assert deleted(house, first)
    assert deleted(house, second)
    assert events(house, first)[-1] == "video.deleted"
    assert events(house, second)[-1] == "video.expired"


def test_two_sweepers_that_read_the_same_rows_both_work_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = [expired(house, number) for number in range(3)]
    slow, fast = sweeper(house), sweeper(house)
    read_then(slow, fast.delete_expired_files, monkeypatch)
    slow.delete_expired_files()
    assert all(deleted(house, video) for video in videos)
    assert [events(house, video).count("video.expired") for video in videos] == [1, 1, 1]
    assert slow.part.rows.parked() == frozenset()


def test_a_delete_that_loses_to_the_expiry_answers_as_a_deletion(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = expired(house)
    repository = type(house.context.videos)
    read = repository.get

    def reading(self: Any, tenant: str, video_id: str) -> Video:
        found = read(self, tenant, video_id)
        sweeper(house).delete_expired_files()
        return found

    monkeypatch.setattr(repository, "get", reading)
    house.videos.delete(house.who, video.id)
    assert deleted(house, video)
    assert events(house, video)[-1] == "video.expired"


def test_a_video_whose_row_cannot_be_read_is_parked_and_the_others_are_swept(house: House) -> None:
    poison = expired(house, 1)
    house.change(poison, explanation=b"not JSON")
    made = sweeper(house)
    for _ in range(MAX_TRIES):
        made.sweep()
    later = expired(house, 2)
    made.sweep()
    assert deleted(house, later)
    health = made.part.health()
    assert health.problem is None
    assert health.parked == (poison.id,)
    assert not deleted(house, poison)
    house.change(poison, explanation=None)


def test_a_file_that_cannot_be_moved_is_parked_and_the_others_are_moved(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, context = house.order(), house.context
    ids = [new_id("asset") for _ in range(2)]
    with context.database.transaction(tenant=video.tenant) as tx:
        for number, asset in enumerate(ids):
            tx.insert(
                tables.assets,
                id=asset,
                video_id=video.id,
                kind="generated",
                sha256=str(number) * 64,
                media_type="video/mp4",
                bytes=1,
                retention=Retention.VAULT.value,
                created_at=tx.now(),
            )

    def move(_self: object, _tenant: str, sha256: str) -> None:
        if sha256 == "0" * 64:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(type(context.blobs), "move_to_vault", move)
    made = sweeper(house)
    for _ in range(MAX_TRIES):
        made.sweep()
    with context.database.read_transaction(tenant=video.tenant) as tx:
        moved = {row.id for row in tx.select(tables.assets) if row.vaulted_at is not None}
    assert moved == {ids[1]}
    assert made.part.health().parked == (ids[0],)


def test_an_event_that_cannot_be_converted_is_parked_and_the_others_are_converted(house: House) -> None:
    poison = house.order()
    house.change(poison, explanation=b"not JSON", end_user="user-1")
    database = house.database
    with database.transaction(tenant=poison.tenant) as tx:
        tx.publish("video.blocked", subject=poison.id, body={})
    made = notifier(house)
    for _ in range(MAX_TRIES):
        made.part.run_all()
    with database.transaction(tenant=poison.tenant) as tx:
        tx.publish("video.queued", subject=poison.id, body={})
    made.part.run_all()
    with database.across_tenants("a test", readonly=True) as tx:
        waiting = tx.select(tables.outbox, tables.outbox.c.delivered_at.is_(None))
    assert [(row.topic, row.dead_at) for row in waiting] == [("video.blocked", None)]
    assert made.part.health().parked == (waiting[0].id,)


def test_readiness_names_a_part_that_fails_and_a_row_that_is_parked(house: House) -> None:
    container = house.container
    made = house.container.background.sweeper
    poison = expired(house)
    house.change(poison, explanation=b"not JSON")
    made._queue = NoEngine()  # type: ignore[assignment]
    for _ in range(MAX_TRIES):
        made.sweep()
    assert container.readiness.describe()["parked"] == {"sweeper": [poison.id]}
    assert container.readiness.describe()["ready"] is True

    class BrokenEngine(NoEngine):
        def prune_history(self, before: float) -> int:
            raise OSError(errno.EIO, "Input/output error")

    made._queue = BrokenEngine()  # type: ignore[assignment]
    for _ in range(UNREADY_AFTER):
        made.sweep()
    found = container.readiness.describe()
    assert (found["ready"], found["unready"]) == (False, ["sweeper"])
    assert "prune_queue_history failed" in found["problems"]["sweeper"]
    made._queue = NoEngine()  # type: ignore[assignment]
    made.sweep()
    assert container.readiness.describe()["ready"] is True


def test_readiness_names_a_database_that_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    container = house.container

    def fail(_self: object, *_arguments: object) -> None:
        raise Unavailable("The database of the queue cannot be used: database is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(DurableQueue, "check", fail)
        found = container.readiness.describe()
    assert (found["ready"], found["unready"]) == (False, ["queue"])
    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "execute", fail)
        found = container.readiness.describe()
    assert (found["ready"], found["unready"]) == (False, ["database"])
    assert container.readiness.describe()["ready"] is True


def test_the_sweeper_deletes_feedback_after_its_time(house: House) -> None:
    database = house.database
    feedback = CheckFeedback(database)
    for text in ("old", "new"):
        feedback.add(NewFeedback(answer=Answer.NOT_FOUND, ground=Ground.NOTHING, text=text))
    table = tables.provenance_feedback
    with database.across_tenants("test") as tx:
        tx.update(table, table.c.text == "old", created_at=tx.now() - (KEEP_DAYS + 1) * 86_400.0)
    sweeper(house).sweep()
    with database.across_tenants("test", readonly=True) as tx:
        assert [row.text for row in tx.select(table)] == ["new"]
