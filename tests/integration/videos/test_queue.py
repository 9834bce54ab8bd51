"""The durable queue on a database that is locked, and runs that no process executes."""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from dbos import DBOS
from dbos._dbos import _get_dbos_instance
from dbos._sys_db_postgres import BACKGROUND_JOB_LOCK_IDLE_TIMEOUT_MS
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from safelight.core.errors import Unavailable
from safelight.core.ids import new_id
from safelight.store import tables
from safelight.videos.lease_fence import LeaseFence
from safelight.videos.models import VideoState
from safelight.videos.queue import DurableQueue
from safelight.videos.queue_polling import SlowPause
from safelight.videos.runner import Runner

from .conftest import House
from .test_video_lifecycle import NoEngine, sweeper

pytestmark = pytest.mark.both_databases


class Work:
    """The steps that a queue asks for; each one waits until the test lets it go on."""

    def __init__(self) -> None:
        self.began: list[tuple[str, int]] = []
        self.go_on = threading.Event()

    def advance(self, _tenant: str, video_id: str, run: int) -> bool:
        self.began.append((video_id, run))
        self.go_on.wait(60)
        return False


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work()
    yield made
    made.go_on.set()


def start_queue(folder: Path, work: Work, worker: str, *, url: str | None = None) -> DurableQueue:
    stopping = threading.Event()
    made = DurableQueue(
        database_url=url or f"sqlite:///{folder / 'engine.sqlite3'}",
        worker=worker,
        roles=("work",),
        at_once=5,
        connections=3,
        place=lambda _tenant, _video_id: ("work", None),
        fence=LeaseFence(stopping),
        stopping=stopping,
    )
    made.start(work.advance)
    return made


def stop_queue(queue: DurableQueue, work: Work) -> None:
    work.go_on.set()
    queue.stop(60)
    DBOS.destroy(workflow_completion_timeout_sec=10, destroy_registry=True)


@pytest.fixture
def queue(tmp_path: Path, work: Work) -> Iterator[DurableQueue]:
    made = start_queue(tmp_path, work, "tests")
    yield made
    stop_queue(made, work)


def wait_for(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def enqueue(queue: DurableQueue, video_id: str, run: int) -> None:
    queue.enqueue("acme", video_id, run)
    queue.parts[0].run_all()


def test_a_locked_database_delays_no_request_and_is_reported(
    queue: DurableQueue, work: Work, tmp_path: Path
) -> None:
    queue.check()
    with closing(sqlite3.connect(tmp_path / "engine.sqlite3", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        queue.enqueue("acme", "video_1", 1)
        with pytest.raises(Unavailable):
            queue.check()
        assert queue.active([("video_1", 1), ("video_2", 1)]) == {"video_1"}
        assert work.began == []
        holder.execute("ROLLBACK")
    queue.parts[0].run_all()
    wait_for(lambda: work.began == [("video_1", 1)])
    queue.check()


def test_no_thread_of_the_engine_reads_its_database_for_queues(queue: DurableQueue, work: Work) -> None:
    engine = _get_dbos_instance()
    wait_for(lambda: not any(thread.name.startswith("queue-worker") for thread in threading.enumerate()))
    assert isinstance(engine._background_jobs_stop_event, SlowPause)
    # The engine holds a lock meanwhile, whose session PostgreSQL ends after this time.
    assert engine._background_jobs_stop_event._least_s * 1000 < BACKGROUND_JOB_LOCK_IDLE_TIMEOUT_MS
    # Our own thread polls all the same.
    enqueue(queue, "video_1", 1)
    wait_for(lambda: work.began)


def test_postgres_limits_the_sessions_of_the_engine_and_of_the_lease(
    postgres_url: str, tmp_path: Path, work: Work
) -> None:
    queue = start_queue(tmp_path, work, "tests", url=postgres_url)
    engine = _get_dbos_instance()._sys_db.engine.raw_connection()
    assert queue._lease is not None
    lease = queue._lease._connection
    assert lease is not None
    try:
        for session in (engine.driver_connection, lease):
            assert session is not None
            assert session.execute("SHOW tcp_keepalives_idle").fetchone() == ("10",)
            assert session.info.get_parameters()["tcp_user_timeout"] == "20000"
        queue.check()
    finally:
        engine.close()
        stop_queue(queue, work)
        lease.close()


def test_a_run_that_no_thread_executes_is_not_active(queue: DurableQueue, work: Work) -> None:
    enqueue(queue, "video_1", 1)
    wait_for(lambda: work.began)
    assert queue.active([("video_1", 1)]) == {"video_1"}
    # The engine could not store the progress, so its thread ended; its row still says that the run goes on.
    queue._runs.clear()
    assert queue.active([("video_1", 1)]) == set()


def test_runs_of_a_process_with_another_worker_name_go_on_after_a_restart(tmp_path: Path, work: Work) -> None:
    earlier = start_queue(tmp_path, work, "old-host:/srv/data")
    enqueue(earlier, "video_1", 1)
    wait_for(lambda: work.began)
    stop_queue(earlier, work)
    with closing(sqlite3.connect(tmp_path / "engine.sqlite3")) as engine, engine:
        # As if that process had been killed in its step.
        engine.execute("UPDATE workflow_status SET status = 'PENDING', output = NULL, completed_at = NULL")
        engine.execute("DELETE FROM operation_outputs")
    later = start_queue(tmp_path, work, "new-host:/srv/restored")
    try:
        wait_for(lambda: len(work.began) == 2)
    finally:
        stop_queue(later, work)
    assert work.began == [("video_1", 1)] * 2


@pytest.mark.parametrize("name", ["old-host:/srv/data", "new-host:/srv/restored"])
def test_a_delayed_run_of_an_earlier_process_is_not_active_whatever_its_worker_name(
    tmp_path: Path, work: Work, name: str
) -> None:
    earlier = start_queue(tmp_path, work, "old-host:/srv/data")
    earlier.enqueue("acme", "video_1", 2, delay_s=600.0)
    earlier.parts[0].run_all()
    assert earlier.active([("video_1", 2)]) == {"video_1"}
    stop_queue(earlier, work)
    later = start_queue(tmp_path, work, name)
    try:
        # So the sweeper enqueues a newer run at once.
        assert later.active([("video_1", 2)]) == set()
    finally:
        stop_queue(later, work)


@contextmanager
def full_disk() -> Iterator[None]:
    """The disk of the engine's database is full: it can be read, and every write fails."""
    engine = _get_dbos_instance()._sys_db.engine

    def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "WITH")):
            raise OperationalError(statement, None, sqlite3.OperationalError("database or disk is full"))

    event.listen(engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", refuse)


def test_videos_in_work_on_a_disk_that_fills_are_run_again_when_it_has_space(
    queue: DurableQueue, work: Work
) -> None:
    videos = [f"video_{number}" for number in range(5)]
    for video_id in videos:
        enqueue(queue, video_id, 1)
    wait_for(lambda: len(work.began) == len(videos))
    with full_disk():
        # Every step ends, but the engine cannot store that, so the threads end and the rows stay PENDING.
        work.go_on.set()
        wait_for(lambda: not queue._runs)
        queue.enqueue("acme", "video_5", 1)
        queue.parts[0].run_all()
        assert queue.parts[0].health().errors == 1
    assert queue.active((video_id, 1) for video_id in [*videos, "video_5"]) == set()
    for video_id in [*videos, "video_5"]:
        enqueue(queue, video_id, 2)
    wait_for(lambda: len(work.began) == 2 * len(videos) + 1)
    assert sorted(work.began[len(videos) :]) == sorted((video_id, 2) for video_id in [*videos, "video_5"])
    wait_for(lambda: not queue.active((video_id, 2) for video_id in [*videos, "video_5"]))


def test_a_delayed_run_is_active_only_while_this_process_has_the_video(queue: DurableQueue) -> None:
    queue.enqueue("acme", "video_1", 1, delay_s=600.0)
    queue.parts[0].run_all()
    assert queue.active([("video_1", 1)]) == {"video_1"}
    # As after a restart of this process.
    queue._delayed.clear()
    assert queue.active([("video_1", 1)]) == set()


def test_a_newer_run_follows_a_delayed_one_at_once(queue: DurableQueue, work: Work) -> None:
    queue.enqueue("acme", "video_1", 1, delay_s=600.0)
    queue.parts[0].run_all()
    enqueue(queue, "video_1", 2)
    wait_for(lambda: work.began == [("video_1", 2)])
    assert queue.active([("video_1", 1)]) == set()


def test_after_a_stop_no_step_begins_and_running_ones_are_waited_for(queue: DurableQueue, work: Work) -> None:
    enqueue(queue, "video_1", 1)
    wait_for(lambda: work.began)
    assert queue.stop(0.0) == 1
    enqueue(queue, "video_2", 1)
    assert not queue._run_step("acme", "video_3", 1)
    work.go_on.set()
    assert queue.stop(60) == 0
    assert work.began == [("video_1", 1)]


def test_an_older_run_of_a_video_ends_without_a_step(house: House) -> None:
    video, context = house.order(), house.context
    assert not Runner(context).run_steps(video.tenant, video.id, 7)
    assert house.reread(video).state is VideoState.QUEUED
    assert Runner(context).run_steps(video.tenant, video.id, 1)
    assert house.reread(video).state is VideoState.GENERATING


def late(house: House) -> str:
    video = house.order("a quiet lake", model="paid-1")
    with house.database.transaction(tenant=video.tenant) as tx:
        tx.update(
            tables.videos,
            tables.videos.c.id == video.id,
            state="generating",
            stage="generation",
            updated_at=0.0,
            deadline_at=1.0,
        )
    return video.id


def submit_without_answer(house: House, video_id: str) -> None:
    with house.transaction() as tx:
        tx.insert(
            tables.attempts,
            id=new_id("attempt"),
            video_id=video_id,
            number=1,
            generator="paid",
            billing="paid",
            idempotency_key=f"{video_id}-1",
            created_at=tx.now(),
            charge_status="unknown",
            currency="USD",
            charge_source="",
        )


def test_a_video_past_its_deadline_ends_although_the_queue_says_that_it_runs(house: House) -> None:
    video_id = late(house)
    made = sweeper(house)
    made._queue.enqueue(house.who.tenant, video_id, 1)
    made.requeue_abandoned()
    video = house.videos.get(house.who, video_id)
    assert (video.state, video.error_code) == (VideoState.FAILED, "timeout")


def test_a_paid_submission_without_an_answer_is_left_to_a_run_and_then_ends_as_unknown(
    house: House,
) -> None:
    video_id = late(house)
    submit_without_answer(house, video_id)
    made = sweeper(house)
    engine = made._queue
    assert isinstance(engine, NoEngine)
    engine.enqueue(house.who.tenant, video_id, 1)
    made.requeue_abandoned()
    assert house.videos.get(house.who, video_id).state is VideoState.GENERATING
    engine.handed_over.clear()
    made.requeue_abandoned()
    assert [each for each, _run in engine.handed_over] == [video_id]
    engine.handed_over.clear()
    made._last_looks[video_id] = -math.inf
    made.requeue_abandoned()
    video = house.videos.get(house.who, video_id)
    assert (video.state, video.error_code) == (VideoState.FAILED, "submit_unknown")
    (attempt,) = house.videos.record(house.who, video_id).attempts
    assert attempt.outcome == "submit_unknown"
