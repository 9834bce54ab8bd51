"""The durable queue, which is the only module that uses DBOS. The state of a video is in its database row.

A workflow id consists of the video id and the run number. Enqueuing a video twice with the same run number
starts only one run.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID

from safelight.background.part import BackgroundPart

from .worker_lease import WorkerLease

QUEUE = "videos"
#: The same in all releases, so that a new release continues the runs of the previous release.
_APPLICATION_VERSION = "1"
_ACTIVE_STATUSES = ["ENQUEUED", "PENDING", "DELAYED"]
_ENDED_STATUSES = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


class DurableQueue:
    """Runs the steps of videos: one step at a time for each video, and again after a crash.

    There is one queue per process. The process must exit after `stop`, because DBOS cannot stop a running
    step.
    """

    def __init__(
        self,
        *,
        database_url: str,
        worker: str,
        at_once: int,
        advance: Callable[[str, str], bool],
        lost: Callable[[], None],
        stopping: threading.Event,
    ) -> None:
        """`advance(tenant, video_id)` runs one step, and returns whether the next step may follow at once.

        `lost` is called when this process loses the PostgreSQL lock on its worker name for good. The process
        must then exit.
        """
        self._url = database_url
        self._worker = worker
        self._concurrency = at_once
        self._advance = advance
        self._lost = lost
        self._stopping = stopping
        self._lease: WorkerLease | None = None
        self._started = False

    def start(self) -> None:
        """Start the queue: first continue interrupted runs, then run newly enqueued videos."""
        if self._url.startswith("postgresql"):
            self._lease = WorkerLease(
                self._url, self._worker, recover=_recover, lost=self._lost, stopping=self._stopping
            )
            self._lease.acquire()
        else:
            _use_wal(self._url)
        DBOS(
            config=DBOSConfig(
                name="safelight",
                system_database_url=self._url,
                executor_id=self._worker,
                application_version=_APPLICATION_VERSION,
                max_executor_threads=self._concurrency + 16,
                log_level="WARNING",
            )
        )
        advance = self._advance

        @DBOS.workflow(name="carry", max_recovery_attempts=None)
        def carry(tenant: str, video_id: str) -> None:
            while DBOS.run_step({"name": "advance"}, advance, tenant, video_id):
                pass

        self._carry = carry
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=self._concurrency, polling_interval_sec=0.1)
        self._started = True

    @property
    def parts(self) -> tuple[BackgroundPart, ...]:
        """The background parts of the started queue."""
        return () if self._lease is None else (self._lease.part,)

    @property
    def running(self) -> bool:
        """Whether the queue was started in this process, so that videos can be enqueued."""
        return self._started

    def enqueue(self, tenant: str, video_id: str, run: int) -> None:
        """Enqueue a video. Enqueuing it again with the same `run` has no effect."""
        with SetWorkflowID(_workflow_id(video_id, run)):
            DBOS.enqueue_workflow(QUEUE, self._carry, tenant, video_id)

    def active(self, runs: Iterable[tuple[str, int]]) -> set[str]:
        """The ids of those videos whose run is waiting or running, in any process."""
        names = {_workflow_id(video_id, run): video_id for video_id, run in runs}
        if not names:
            return set()
        active = DBOS.list_workflows(
            workflow_ids=list(names), status=_ACTIVE_STATUSES, load_input=False, load_output=False
        )
        return {names[workflow.workflow_id] for workflow in active}

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

    def stop(self, grace_s: float) -> None:
        """Start no new step, and wait up to `grace_s` for running steps. The process must then exit."""
        DBOS.destroy(workflow_completion_timeout_sec=max(1, round(grace_s)))


def _workflow_id(video_id: str, run: int) -> str:
    return f"{video_id}.{run}"


def _recover(worker: str) -> None:
    """Queue the runs of a dead worker again.

    This uses a private function of DBOS 3.4. A contract test checks that it still exists.
    """
    DBOS._recover_pending_workflows([worker])  # noqa: SLF001


def _use_wal(url: str) -> None:
    """Turn on the WAL journal mode, because DBOS does not set it. The mode is stored in the database file."""
    path = Path(url.removeprefix("sqlite:///"))
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
