"""The durable queue. Only this module uses DBOS. The state of a video is in its database row.

A workflow id consists of the video id and the run number. Enqueuing a video twice with the same run number
starts only one run.
"""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from dbos import DBOS, DBOSConfig, Queue, SetEnqueueOptions, SetWorkflowID
from dbos._queue import queue_thread, queue_worker_thread

from safelight.core.background.part import BackgroundPart
from safelight.core.errors import DataDirectoryBusy, Unavailable
from safelight.core.metrics import ENGINE_ERRORS
from safelight.store.database import limit_session, postgres_arguments

from .fleet_roles import HELD, lock_number, number_of_role
from .interruptions import ShutdownRequested
from .lease_fence import LeaseFence

# Worker leases on PostgreSQL: a process detects dead processes and takes over their runs.
#
# Every process holds an advisory lock on its worker name, on a separate connection. PostgreSQL releases the
# lock when the process ends. The first other process that gets the lock takes over the runs of the dead
# process. On the same connection, one process holds the lock of the leader.

_log = logging.getLogger(__name__)
_INTERVAL_S = 1.0
#: After the connection was lost, for example because PostgreSQL restarts, the lock is asked for again for
#: this time. Then the process gives up.
_REGAIN_S = 60.0
#: After the last sign of work, the interval of the engine is kept for this time, because a run that ends, or
#: that is recovered after a start, becomes visible a little later.
_QUICK_S = 5.0
#: A leader that has not used its connection for this time does not count: it was stopped or cut off, or it
#: shuts down. All others then do its work, which several processes may do, until it is back or its session
#: has ended.
_SILENT_S = 10.0
_TIMEOUT_S = 2
QUEUE = "videos"
#: The same in all releases, so that a new release continues the runs of the previous release.
_APPLICATION_VERSION = "1"
#: The enqueuer waits for this time for a video before its next round.
_ENQUEUER_WAIT_S = 0.5
#: Pauses between two polls of an idle queue. A new run of this process ends the pause. On PostgreSQL, a run
#: of another process can wait for its end.
_ALONE_IDLE_S, _SHARED_IDLE_S = 10.0, 0.5
#: The pause of the engine's background jobs, 1 s without this. They start the runs that are stored with a
#: delay, and a living process starts them earlier by itself.
_ENGINE_JOBS_S = 5.0
_ACTIVE_STATUSES = ["ENQUEUED", "PENDING", "DELAYED"]
_ENDED_STATUSES = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


class WorkerLease:
    """The lock on the name of this worker. While it is not held, this process must not start a step."""

    def __init__(
        self,
        database_url: str,
        worker: str,
        *,
        recover: Callable[[str], None],
        lost: Callable[[], None],
        stopping: threading.Event,
        roles: Iterable[str] = (),
        may_lead: Callable[[], bool] = lambda: True,
        regain_s: float = _REGAIN_S,
    ) -> None:
        """`lost` is called when the lock is lost for good. The process must then exit at once."""
        self._url = database_url
        self._worker = worker
        self._recover = recover
        self._lost = lost
        self._stopping = stopping
        self._roles = tuple(roles)
        self._may_lead = may_lead
        self._regain_s = regain_s
        self._leads = False
        #: The worker that leads. None: none does, and each process does the work of the leader.
        self.leader: str | None = None
        #: Whether the lock is lost for good.
        self.is_lost = False
        #: Set while this process holds the lock, to its knowledge.
        self.held = threading.Event()
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self.part = BackgroundPart(
            "takeover", {"watch": self.watch}, interval_s=_INTERVAL_S, stopping=stopping
        )

    def acquire(self) -> None:
        """Lock the name of this worker. Raises `DataDirectoryBusy` if a live process holds the lock."""
        self._connection = _connect_postgres(self._url)
        # Other workers read the name of their leader there.
        self._connection.execute("SELECT set_config('application_name', %s, false)", (self._worker,))
        self._leads = False
        if not self._locked(_lock(self._worker)):
            self._connection.close()
            raise DataDirectoryBusy(
                f"The worker name {self._worker!r} is used by another process on this database.",
                remedy="Set a different `worker.name` for each process.",
            )
        for role in self._roles:
            self._connection.execute("SELECT pg_advisory_lock_shared(%s)", (number_of_role(role),))
        self.held.set()
        self._choose_leader()

    def watch(self) -> None:
        """Take over the runs of dead workers, and lead if no other does. If the own lock was lost meanwhile,
        ask for it again.
        """
        assert self._connection is not None
        try:
            self._choose_leader()
            self._take_over_dead_workers()
        except psycopg.Error as error:
            if not self._connection.closed:
                raise
            self._regain(error)

    def live(self, workers: Iterable[str]) -> set[str]:
        """Those of these workers whose lock is held by a process."""
        assert self._connection is not None
        held = {row[0] for row in self._connection.execute(HELD).fetchall()}
        return {worker for worker in workers if _lock(worker) in held}

    def _locked(self, lock: int) -> bool:
        assert self._connection is not None
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (lock,)).fetchone()
        return row is not None and bool(row[0])

    def _choose_leader(self) -> None:
        """Lead if this process may and no other does, and stop leading if it may not any more."""
        assert self._connection is not None
        may_lead = self._may_lead()
        if self._leads and not may_lead:
            self._connection.execute("SELECT pg_advisory_unlock(%s)", (_LEADER,))
        self._leads = may_lead and (self._leads or self._locked(_LEADER))
        if self._leads:
            self.leader = self._worker
            return
        row = self._connection.execute(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND granted AND datname = current_database() "
            "AND (classid::bigint << 32) | objid::bigint = %s "
            "AND state_change > clock_timestamp() - make_interval(secs => %s)",
            (_LEADER, _SILENT_S),
        ).fetchone()
        self.leader = None if row is None else str(row[0])

    def _regain(self, error: psycopg.Error) -> None:
        self.held.clear()
        _log.error("The lock on the name of this worker is lost, and is asked for again: %s", error)
        give_up_at = time.monotonic() + self._regain_s
        while not self._stopping.is_set():
            try:
                self.acquire()
            except DataDirectoryBusy as busy:
                _log.error("%s This process ends.", busy)
                break
            except psycopg.Error as again:
                if time.monotonic() >= give_up_at:
                    _log.error(
                        "The lock was not regained in %g s. This process ends: %s", self._regain_s, again
                    )
                    break
                self._stopping.wait(min(_INTERVAL_S, self._regain_s))
            else:
                _log.warning("The lock on the name of this worker is held again.")
                return
        else:
            return
        self.is_lost = True
        self._lost()

    def _take_over_dead_workers(self) -> None:
        assert self._connection is not None
        workers = self._connection.execute(
            "SELECT DISTINCT executor_id FROM dbos.workflow_status "
            "WHERE status = 'PENDING' AND executor_id IS NOT NULL AND executor_id <> %s",
            (self._worker,),
        ).fetchall()
        for (worker,) in workers:
            if not self._locked(_lock(str(worker))):
                continue
            try:
                _log.warning("Worker %s has ended. This process takes over its runs.", worker)
                self._recover(str(worker))
            finally:
                self._connection.execute("SELECT pg_advisory_unlock(%s)", (_lock(str(worker)),))


def _connect_postgres(url: str, *, wait_s: float = 10.0) -> psycopg.Connection[tuple[object, ...]]:
    connection = psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://"),
        autocommit=True,
        **postgres_arguments(url, wait_s=wait_s),
    )
    limit_session(connection)
    return connection


def _lock(worker: str) -> int:
    return lock_number(f"safelight worker {worker}")


_LEADER = lock_number("safelight leader")


# Polls the engine's queue in a thread: quickly while there is work, seldom while there is none.

# The engine offers no other way to wake its polling. A test checks that the function still exists.


class SlowPause(threading.Event):
    """A stop event on which a thread of the engine waits at least for `least_s` between two rounds."""

    def __init__(self, least_s: float) -> None:
        super().__init__()
        self._least_s = least_s

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(None if timeout is None else max(timeout, self._least_s))


class PollPause(threading.Event):
    """The stop event of the engine's polling. The engine waits on it between two polls."""

    def __init__(
        self,
        *,
        is_busy: Callable[[], bool],
        idle_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`idle_s`: the pause while nothing happens in this process."""
        super().__init__()
        self._idle_s = idle_s
        self._is_busy = is_busy
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._quick_until = monotonic() + _QUICK_S

    def wake(self) -> None:
        """There is work: poll at once, and then at the engine's interval."""
        with self._changed:
            self._quick_until = self._monotonic() + _QUICK_S
            self._changed.notify_all()

    def set(self) -> None:
        super().set()
        with self._changed:
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the engine's interval, or for longer if there is no work. Returns whether to stop."""
        if self._is_busy():
            self.wake()
        with self._changed:
            if self._monotonic() >= self._quick_until:
                self._changed.wait_for(self._must_poll, self._idle_s)
                return self.is_set()
        return super().wait(timeout)

    def _must_poll(self) -> bool:
        return self.is_set() or self._monotonic() < self._quick_until


class QueuePolling:
    """Starts runs of one queue in this process. The engine itself must not listen to the queue."""

    def __init__(self, engine: DBOS, queue: Queue, *, is_busy: Callable[[], bool], idle_s: float) -> None:
        self._engine = engine
        self._queue = queue
        self._pause = PollPause(is_busy=is_busy, idle_s=idle_s)
        engine.background_thread_stop_events.append(self._pause)
        self._thread: threading.Thread | None = None

    def keep_running(self) -> None:
        """Start the thread. A later call starts it again if it has ended."""
        if self._pause.is_set() or (self._thread is not None and self._thread.is_alive()):
            return
        if self._thread is not None:
            _log.error("The thread that polls the queue has ended, and is started again.")
        self._thread = threading.Thread(
            target=queue_worker_thread,
            args=(self._pause, self._engine, self._queue),
            name="queue-polling",
            daemon=True,
        )
        self._thread.start()

    def wake(self) -> None:
        """A run was enqueued: poll at once."""
        self._pause.wake()

    def stop(self) -> None:
        """Start no further run."""
        self._pause.set()


def end_queue_threads(engine: DBOS) -> None:
    """End the engine's own threads for queues: they read its database twice a second for nothing.

    Our queue has `QueuePolling`, and no run waits in the internal one. The engine has no setting for it.
    """
    for thread in engine._background_threads:  # noqa: SLF001
        if getattr(thread, "_target", None) is queue_thread:
            stop_event: threading.Event = thread._args[0]  # type: ignore[attr-defined]  # noqa: SLF001
            stop_event.set()


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
    with _connect_postgres(url, wait_s=_TIMEOUT_S) as connection, connection.transaction():
        connection.execute(f"SET LOCAL statement_timeout = {_TIMEOUT_S * 1000}")
        connection.execute("SELECT 1 FROM dbos.workflow_status LIMIT 1")


#: The engine has no other report of the errors that it retries.
_engine_log = logging.getLogger("dbos")


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
        priority: Callable[[str, str], int | None],
        fence: LeaseFence,
        stopping: threading.Event,
    ) -> None:
        """`priority(tenant, video_id)` returns the priority of a video; 1 is the highest.

        A video without one comes before all others. Without `work` in `roles`, this process enqueues videos
        and runs none. `connections`: those of the engine to PostgreSQL. One for the lease, one on which the
        engine listens and one for `check` come on top. `fence` learns of the lease at the start. `stopping`
        is set if this process loses the PostgreSQL lock on its worker name for good. The process must then
        exit.
        """
        self._url = database_url
        self._worker = worker
        self._roles = roles
        self._concurrency = at_once
        self._connections = connections
        self._priority = priority
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
        self._polling: QueuePolling | None = None
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
                max_executor_threads=self._concurrency + 16,
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
        queue = DBOS.register_queue(QUEUE, worker_concurrency=self._concurrency, polling_interval_sec=0.1)
        if self._lease is None:
            _recover_other_names(self._worker)
        if "work" in self._roles:
            self._polling = QueuePolling(
                engine,
                queue,
                is_busy=lambda: bool(self._runs),
                idle_s=_ALONE_IDLE_S if self._lease is None else _SHARED_IDLE_S,
            )
            self._polling.keep_running()
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
        if self._polling is not None:
            self._polling.stop()
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
        if self._polling is not None:
            self._polling.keep_running()
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), _ENQUEUER_WAIT_S)
            waiting = list(self._waiting.items())
        priorities = [self._priority(run.tenant, video_id) for video_id, run in waiting]
        for (video_id, run), priority in zip(waiting, priorities, strict=True):
            try:
                with (
                    SetWorkflowID(_workflow_id(video_id, run.number)),
                    SetEnqueueOptions(delay_seconds=run.delay_s, priority=priority),
                ):
                    DBOS.enqueue_workflow(QUEUE, self._carry, run.tenant, video_id)
                if run.delay_s is None and self._polling is not None:
                    self._polling.wake()
            finally:
                # After an error the sweeper enqueues the video.
                with self._changed:
                    if self._waiting.get(video_id) is run:
                        del self._waiting[video_id]

    def _recover(self, worker: str) -> None:
        """Queue the runs of a dead worker again, with a private function of DBOS 3.4."""
        DBOS._recover_pending_workflows([worker])  # noqa: SLF001
        if self._polling is not None:
            self._polling.wake()


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
