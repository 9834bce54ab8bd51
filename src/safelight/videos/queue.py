"""The durable queue. Only this module and `queue_polling` use DBOS.

The state of a video is in its database row. A workflow id consists of the video id and the run number.
Enqueuing a video twice with the same run number starts only one run. In a fleet, each role that runs steps
has an engine queue of its own.
"""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from safelight.core.background.part import BackgroundPart
from safelight.core.errors import Unavailable
from safelight.core.metrics import ENGINE_ERRORS
from safelight.store.database import limit_session, postgres_arguments

from .interruptions import ShutdownRequested
from .lease_fence import LeaseFence
from .queue_polling import QueuePolling, SlowPause, end_queue_threads
from .worker_lease import WorkerLease, connect_postgres

#: The engine has no other report of the errors that it retries.
_engine_log = logging.getLogger("dbos")
_TIMEOUT_S = 2
#: The engine's queue of each role that runs steps. Without a fleet, all runs are in the first one.
_QUEUES = {"work": "videos", "scan": "scans"}
#: The same in all releases, so that a new release continues the runs of the previous release.
_APPLICATION_VERSION = "1"
#: The enqueuer waits for this time for a video before its next round.
_ENQUEUER_WAIT_S = 0.5
#: Pauses between two polls of an idle queue. A new run of this process ends the pause. On PostgreSQL, a run
#: of another process can wait for its end.
_ALONE_IDLE_S, _SHARED_IDLE_S = 10.0, 0.5
#: The pause of the engine's background jobs, 1 s without this. They start the runs that are stored with a
#: delay, and a living process starts them earlier by itself. PostgreSQL ends the session that holds their
#: lock if a pause lasts 5 s.
_ENGINE_JOBS_S = 4.0
_ACTIVE_STATUSES = ["ENQUEUED", "PENDING", "DELAYED"]
_ENDED_STATUSES = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """A run that is not stored in the engine's database yet."""

    tenant: str
    number: int
    delay_s: float | None


class DurableQueue:
    """Runs the steps of videos: one step at a time for each video, and again after a crash.

    There is one queue per process. The process must exit after `stop`, because a step cannot be stopped.
    """

    def __init__(
        self,
        *,
        database_url: str,
        worker: str,
        roles: Collection[str],
        at_once: int,
        connections: int,
        place: Callable[[str, str], tuple[str, int | None]],
        fence: LeaseFence,
        stopping: threading.Event,
    ) -> None:
        """`place(tenant, video_id)` returns the role that runs the next step of a video, and its priority.

        1 is the highest priority, and a video without one comes before all others. This process runs the
        steps of its `roles`. `connections`: those of the engine to PostgreSQL. One for the lease, one on
        which the engine listens and one for `check` come on top. `fence` learns of the lease at the start.
        `stopping` is set if this process loses the PostgreSQL lock on its worker name for good. The process
        must then exit.
        """
        self._url = database_url
        self._worker = worker
        self._roles = roles
        self._concurrency = at_once
        self._connections = connections
        self._place = place
        self._fence = fence
        self._stopping = stopping
        self._lease: WorkerLease | None = None
        self._started = False
        self._changed = threading.Condition()
        #: Runs that this process executes now, by workflow id, and the number of their steps.
        self._runs: set[str] = set()
        self._steps = 0
        self._closed = False
        #: The newest run of each video that is not stored in the engine's database yet.
        self._waiting: dict[str, _Run] = {}
        #: The videos that wait in this process for a later step, with the run that is stored with a delay.
        self._delayed: dict[str, int] = {}
        self._polling: tuple[QueuePolling, ...] = ()
        self._shared: tuple[BackgroundPart, ...] = ()
        self._enqueuer = BackgroundPart(
            "enqueuer", {"enqueue": self._store_waiting}, interval_s=0.0, stopping=stopping
        )

    def start(self, advance: Callable[[str, str, int], bool]) -> None:
        """Start the queue: first continue interrupted runs, then run newly enqueued videos.

        `advance(tenant, video_id, run)` runs one step. Returns whether the next one may follow at once.
        """
        self._advance = advance
        if self._url.startswith("postgresql"):
            self._lease = WorkerLease(
                self._url,
                self._worker,
                recover=self._recover,
                lost=self._stopping.set,
                stopping=self._stopping,
                roles=self._roles,
                may_lead=lambda: (
                    "work" in self._roles and all(part.problem() is None for part in self._shared)
                ),
            )
            self._lease.acquire()
            self._fence.held = self._lease.held
        else:
            _use_wal(self._url)
        engine = DBOS(
            config=DBOSConfig(
                name="safelight",
                db_engine_kwargs={}
                if self._lease is None
                else {
                    "connect_args": postgres_arguments(self._url),
                    "pool_events": [(limit_session, "connect")],
                },
                system_database_url=self._url,
                sys_db_pool_size=self._connections,
                executor_id=self._worker,
                application_version=_APPLICATION_VERSION,
                max_executor_threads=len(_QUEUES) * self._concurrency + 16,
                log_level="WARNING",
            )
        )

        @DBOS.workflow(name="carry", max_recovery_attempts=None)
        def carry(tenant: str, video_id: str) -> None:
            workflow_id = str(DBOS.workflow_id)
            run = int(workflow_id.rpartition(".")[2])
            with self._executing(workflow_id):
                while DBOS.run_step({"name": "advance"}, self._run_step, tenant, video_id, run):
                    pass

        self._carry = carry
        _engine_log.addFilter(_count_engine_error)
        DBOS.listen_queues([])
        engine._background_jobs_stop_event = SlowPause(_ENGINE_JOBS_S)  # noqa: SLF001
        DBOS.launch()
        end_queue_threads(engine)
        if self._lease is None:
            _recover_other_names(self._worker)
        # Without a fleet, all roles have the same queue.
        names = dict.fromkeys(self._queue_of(role) for role in _QUEUES if role in self._roles)
        self._polling = tuple(
            QueuePolling(
                engine,
                DBOS.register_queue(name, worker_concurrency=self._concurrency, polling_interval_sec=0.1),
                is_busy=lambda: bool(self._runs),
                idle_s=_ALONE_IDLE_S if self._lease is None else _SHARED_IDLE_S,
            )
            for name in names
        )
        self._keep_polling()
        self._started = True

    @property
    def parts(self) -> tuple[BackgroundPart, ...]:
        """The background parts of the started queue."""
        return (self._enqueuer,) if self._lease is None else (self._enqueuer, self._lease.part)

    def share(self, parts: tuple[BackgroundPart, ...]) -> None:
        """Let only the leader of all processes run these parts. It stops leading if one has a problem."""
        self._shared = parts
        for part in parts:
            part.runs_elsewhere = lambda: self.leader not in {None, self._worker}

    @property
    def leader(self) -> str | None:
        """The name of the worker that leads; None if none does, and each process runs the shared parts."""
        return self._worker if self._lease is None else self._lease.leader

    @property
    def running(self) -> bool:
        """Whether the queue was started in this process, so that videos can be enqueued."""
        return self._started

    @property
    def lease_lost(self) -> bool:
        """Whether another process may run the videos of this one, so that it must exit at once."""
        return self._lease is not None and self._lease.is_lost

    @property
    def may_work(self) -> bool:
        """Whether this process may execute steps and call upstreams now."""
        return not (self._closed or self._stopping.is_set()) and (
            self._lease is None or self._lease.held.is_set()
        )

    def enqueue(self, tenant: str, video_id: str, run: int, *, delay_s: float | None = None) -> None:
        """Enqueue a video. Enqueuing it again with the same `run` has no effect.

        Does not wait for the engine's database: a thread stores the run. If the process ends before that, the
        sweeper enqueues the video. With `delay_s`, the run starts after this time. Until then this process
        has the video, and can enqueue a newer run at any time.
        """
        with self._changed:
            if delay_s is None:
                self._delayed.pop(video_id, None)
            else:
                self._delayed[video_id] = run
            self._waiting[video_id] = _Run(tenant=tenant, number=run, delay_s=delay_s)
            self._changed.notify_all()

    def active(self, runs: Iterable[tuple[str, int]]) -> set[str]:
        """The ids of those videos whose run is waiting or running, in any process.

        A run counts as running only if a live process executes it, and as delayed only if a live process has
        it. A run whose thread ended, because the engine could not store its progress, does not.
        """
        names = {_workflow_id(video_id, run): video_id for video_id, run in runs}
        if not names:
            return set()
        with self._changed:
            waiting = self._waiting.keys() & set(names.values())
        found = DBOS.list_workflows(
            workflow_ids=list(names), status=_ACTIVE_STATUSES, load_input=False, load_output=False
        )
        executors = {str(one.executor_id) for one in found if one.status != "ENQUEUED"} - {self._worker}
        # Without leases, on SQLite, no other process can live: this one has locked the data directory.
        live = set() if self._lease is None else self._lease.live(executors)
        with self._changed:
            here = self._runs | {_workflow_id(video_id, run) for video_id, run in self._delayed.items()}
        return waiting | {
            names[one.workflow_id]
            for one in found
            if one.status == "ENQUEUED" or one.workflow_id in here or str(one.executor_id) in live
        }

    def prune_history(self, before: float, *, most: int = 500) -> int:
        """Delete the history of runs that ended before this time. Returns the number of deleted runs."""
        ended = DBOS.list_workflows(
            name="carry",
            status=_ENDED_STATUSES,
            completed_before=dt.datetime.fromtimestamp(before, dt.UTC).isoformat(),
            limit=most,
            load_input=False,
            load_output=False,
        )
        if ended:
            DBOS.delete_workflows([workflow.workflow_id for workflow in ended])
        return len(ended)

    def check(self) -> None:
        """Check that the engine's database can be read and written. Raises `Unavailable` after 2 s."""
        if self._started:
            check_engine(self._url)

    def stop(self, timeout_s: float) -> int:
        """Start no new step, and wait for running ones. Returns the number of steps that still run.

        These are handed back: they run again at the next start, or in the process that takes over. This
        process must then exit.
        """
        for polling in self._polling:
            polling.stop()
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._steps, timeout_s)
            return self._steps

    @contextmanager
    def _executing(self, workflow_id: str) -> Iterator[None]:
        with self._changed:
            self._runs.add(workflow_id)
        try:
            yield
        finally:
            with self._changed:
                self._runs.discard(workflow_id)

    def _run_step(self, tenant: str, video_id: str, run: int) -> bool:
        try:
            self._fence.wait()
        except ShutdownRequested:
            return False
        with self._changed:
            if self._closed or self._stopping.is_set():
                return False
            self._steps += 1
        try:
            return self._advance(tenant, video_id, run)
        finally:
            with self._changed:
                self._steps -= 1
                self._changed.notify_all()

    def _store_waiting(self) -> None:
        """Keep polling, and store the runs that wait, in their order.

        Returns after a short time if there is none.
        """
        # Not a task of its own: without an interval it would repeat without a pause while the other fails.
        self._keep_polling()
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), _ENQUEUER_WAIT_S)
            waiting = list(self._waiting.items())
        places = [self._place(run.tenant, video_id) for video_id, run in waiting]
        for (video_id, run), (role, priority) in zip(waiting, places, strict=True):
            try:
                with (
                    SetWorkflowID(_workflow_id(video_id, run.number)),
                    SetEnqueueOptions(delay_seconds=run.delay_s, priority=priority),
                ):
                    DBOS.enqueue_workflow(self._queue_of(role), self._carry, run.tenant, video_id)
                if run.delay_s is None:
                    self._wake_polling()
            finally:
                # After an error the sweeper enqueues the video.
                with self._changed:
                    if self._waiting.get(video_id) is run:
                        del self._waiting[video_id]

    def _recover(self, worker: str) -> None:
        """Queue the runs of a dead worker again, with a private function of DBOS 3.4."""
        DBOS._recover_pending_workflows([worker])  # noqa: SLF001
        self._wake_polling()

    def _queue_of(self, role: str) -> str:
        return _QUEUES["work" if self._lease is None else role]

    def _keep_polling(self) -> None:
        for polling in self._polling:
            polling.keep_running()

    def _wake_polling(self) -> None:
        for polling in self._polling:
            polling.wake()


def _recover_other_names(worker: str) -> None:
    """Queue the runs of earlier processes again whose worker name was another one, on SQLite.

    By default the name has the host and the data directory, so it changes with a new container and when a
    backup is restored elsewhere. No such process can live: this one has locked the data directory.
    """
    found = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    names = {str(one.executor_id) for one in found} - {worker}
    DBOS._recover_pending_workflows(sorted(names))  # noqa: SLF001


def _count_engine_error(record: logging.LogRecord) -> bool:
    """A filter of the engine's log that lets every line pass."""
    if record.levelno >= logging.WARNING:
        ENGINE_ERRORS.add("warning" if record.levelno < logging.ERROR else "error")
    return True


def _workflow_id(video_id: str, run: int) -> str:
    return f"{video_id}.{run}"


def _use_wal(url: str) -> None:
    """Turn on the WAL journal mode, because DBOS does not set it. The mode is stored in the database file."""
    path = Path(url.removeprefix("sqlite:///"))
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def check_engine(url: str) -> None:
    """Check that the database can be read and, on SQLite, written. Raises `Unavailable`."""
    try:
        if url.startswith("sqlite"):
            _check_sqlite(url.removeprefix("sqlite:///"))
        else:
            _check_postgres(url)
    except (sqlite3.Error, psycopg.Error) as error:
        ENGINE_ERRORS.add("error")
        raise Unavailable(f"The database of the queue cannot be used: {error}.") from error


def _check_sqlite(path: str) -> None:
    with closing(sqlite3.connect(path, timeout=_TIMEOUT_S, isolation_level=None)) as connection:
        # Takes the write lock and changes nothing.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _check_postgres(url: str) -> None:
    with connect_postgres(url, wait_s=_TIMEOUT_S) as connection, connection.transaction():
        connection.execute(f"SET LOCAL statement_timeout = {_TIMEOUT_S * 1000}")
        connection.execute("SELECT 1 FROM dbos.workflow_status LIMIT 1")
