"""The durable queue. Only it and `queue_polling` use DBOS. The state of a video is in its database row.

A workflow id consists of the video id and the run number. Enqueuing a video twice with the same run number
starts only one run.
"""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from safelight.background.part import BackgroundPart
from safelight.metrics import ENGINE_ERRORS

from .engine_check import check_engine
from .interruptions import ShutdownRequested
from .queue_polling import QueuePolling
from .worker_lease import WorkerLease

#: The engine has no other report of the errors that it retries.
_engine_log = logging.getLogger("dbos")
QUEUE = "videos"
#: The same in all releases, so that a new release continues the runs of the previous release.
_APPLICATION_VERSION = "1"
#: How often a step that waits for the lease looks whether the process stops.
_LEASE_POLL_S = 0.5
#: The enqueuer waits for this time for a video before its next round.
_ENQUEUER_WAIT_S = 0.5
#: Pauses between two polls of an idle queue. A new run of this process ends the pause. On PostgreSQL, a run
#: of another process can wait for its end.
_ALONE_IDLE_S, _SHARED_IDLE_S = 10.0, 0.5
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
        at_once: int,
        advance: Callable[[str, str, int], bool],
        priorities: Callable[[], Mapping[str, int]],
        stopping: threading.Event,
    ) -> None:
        """`advance(tenant, video_id, run)` runs one step. Returns whether the next one may follow at once.

        `priorities()` returns the priority of each waiting video; 1 is the highest. A video without one comes
        before all others. `stopping` is set if this process loses the PostgreSQL lock on its worker name for
        good. The process must then exit.
        """
        self._url = database_url
        self._worker = worker
        self._concurrency = at_once
        self._advance = advance
        self._priorities = priorities
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
        self._enqueuer = BackgroundPart(
            "enqueuer", {"enqueue": self._store_waiting}, interval_s=0.0, stopping=stopping
        )

    def start(self) -> None:
        """Start the queue: first continue interrupted runs, then run newly enqueued videos."""
        if self._url.startswith("postgresql"):
            self._lease = WorkerLease(
                self._url,
                self._worker,
                recover=self._recover,
                lost=self._stopping.set,
                stopping=self._stopping,
            )
            self._lease.acquire()
        else:
            _use_wal(self._url)
        engine = DBOS(
            config=DBOSConfig(
                name="safelight",
                system_database_url=self._url,
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
        DBOS.launch()
        queue = DBOS.register_queue(QUEUE, worker_concurrency=self._concurrency, polling_interval_sec=0.1)
        self._polling = QueuePolling(
            engine,
            queue,
            is_busy=lambda: bool(self._runs),
            idle_s=_ALONE_IDLE_S if self._lease is None else _SHARED_IDLE_S,
        )
        if self._lease is None:
            _recover_other_names(self._worker)
        self._polling.keep_running()
        self._started = True

    @property
    def parts(self) -> tuple[BackgroundPart, ...]:
        """The background parts of the started queue."""
        return (self._enqueuer,) if self._lease is None else (self._enqueuer, self._lease.part)

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

    def wait_for_lease(self) -> None:
        """Wait until this process holds its worker lease. Raises `ShutdownRequested` if it stops before."""
        while self._lease is not None and not self._lease.held.wait(_LEASE_POLL_S):
            if self._stopping.is_set():
                raise ShutdownRequested

    def _run_step(self, tenant: str, video_id: str, run: int) -> bool:
        try:
            self.wait_for_lease()
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
        priorities = self._priorities() if waiting else {}
        for video_id, run in waiting:
            try:
                with (
                    SetWorkflowID(_workflow_id(video_id, run.number)),
                    SetEnqueueOptions(delay_seconds=run.delay_s, priority=priorities.get(video_id)),
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
