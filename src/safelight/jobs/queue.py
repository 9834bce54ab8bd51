"""The durable engine: the only module that knows DBOS. It carries videos; the truth is in our own rows.

A workflow is named after a video and the number of times it was handed over, so that handing the same one
over twice is one run.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID

from .worker_lease import WorkerLease

QUEUE = "videos"
#: One for all versions of ours: an upgrade carries on what the version before it left.
_APPLICATION_VERSION = "1"
_ALIVE = ["ENQUEUED", "PENDING", "DELAYED"]
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


class DurableQueue:
    """Carries videos through `carry(tenant, video_id)`, again after a crash, one at a time each.

    There is one per process. `stop` must be followed by the end of the process: DBOS cannot be left with a
    step still running.
    """

    def __init__(
        self,
        *,
        database_url: str,
        worker: str,
        at_once: int,
        advance: Callable[[str, str], bool],
        lost: Callable[[], None],
    ) -> None:
        """`advance(tenant, video_id)` takes one step and says whether another may follow at once.

        `lost` is called when this process no longer holds its name on Postgres: it must exit.
        """
        self._url = database_url
        self._worker = worker
        self._at_once = at_once
        self._advance = advance
        self._lost = lost
        self._takeover: WorkerLease | None = None
        self._started = False

    def start(self) -> None:
        """Take up what a stop or crash left, then whatever is handed over."""
        if self._url.startswith("postgresql"):
            self._takeover = WorkerLease(self._url, self._worker, recover=_recover, lost=self._lost)
            self._takeover.acquire()
        else:
            _use_wal(self._url)
        DBOS(
            config=DBOSConfig(
                name="safelight",
                system_database_url=self._url,
                executor_id=self._worker,
                application_version=_APPLICATION_VERSION,
                max_executor_threads=self._at_once + 16,
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
        DBOS.register_queue(QUEUE, worker_concurrency=self._at_once, polling_interval_sec=0.1)
        self._started = True
        if self._takeover is not None:
            self._takeover.start()

    @property
    def running(self) -> bool:
        """Whether it was started in this process, so that videos can be handed over."""
        return self._started

    def enqueue(self, tenant: str, video_id: str, run: int) -> None:
        """Queue a video; the same `run` of it again changes nothing."""
        with SetWorkflowID(_workflow_id(video_id, run)):
            DBOS.enqueue_workflow(QUEUE, self._carry, tenant, video_id)

    def active(self, runs: Iterable[tuple[str, int]]) -> set[str]:
        """Those of these videos whose run is queued or under way somewhere."""
        names = {_workflow_id(video_id, run): video_id for video_id, run in runs}
        if not names:
            return set()
        alive = DBOS.list_workflows(
            workflow_ids=list(names), status=_ALIVE, load_input=False, load_output=False
        )
        return {names[workflow.workflow_id] for workflow in alive}

    def prune_history(self, before: float, *, most: int = 500) -> int:
        """Remove the engine's own notes on runs that ended before this time; how many."""
        ended = DBOS.list_workflows(
            name="carry",
            status=_ENDED,
            completed_before=dt.datetime.fromtimestamp(before, dt.UTC).isoformat(),
            limit=most,
            load_input=False,
            load_output=False,
        )
        if ended:
            DBOS.delete_workflows([workflow.workflow_id for workflow in ended])
        return len(ended)

    def stop(self, grace_s: float) -> None:
        """Take nothing new and give running steps `grace_s` to end. The process must exit afterwards."""
        if self._takeover is not None:
            self._takeover.stop()
        DBOS.destroy(workflow_completion_timeout_sec=max(1, round(grace_s)))


def _workflow_id(video_id: str, run: int) -> str:
    return f"{video_id}.{run}"


def _recover(worker: str) -> None:
    """Queue again what a dead worker had begun. A private name of DBOS 3.4: a contract test watches it."""
    DBOS._recover_pending_workflows([worker])  # noqa: SLF001


def _use_wal(url: str) -> None:
    """DBOS leaves the journal mode alone; WAL is kept in the file once it is set."""
    path = Path(url.removeprefix("sqlite:///"))
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
