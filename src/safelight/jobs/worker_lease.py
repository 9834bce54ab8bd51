"""Worker leases on PostgreSQL: a process detects dead processes and takes over their runs.

Every process holds an advisory lock on its worker name, on a separate connection. PostgreSQL releases the
lock when the process ends. The first other process that gets the lock takes over the runs of the dead
process.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable

import psycopg

from safelight.errors import DataDirectoryBusy

_log = logging.getLogger(__name__)
_INTERVAL_S = 1.0


class WorkerLease:
    def __init__(
        self,
        database_url: str,
        worker: str,
        *,
        recover: Callable[[str], None],
        lost: Callable[[], None],
    ) -> None:
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://")
        self._worker = worker
        self._recover = recover
        self._lost = lost
        self._stopping = threading.Event()
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._thread = threading.Thread(target=self._watch, name="takeover", daemon=True)

    def acquire(self) -> None:
        """Lock the name of this worker. Raises `DataDirectoryBusy` if a live process holds the lock."""
        self._connection = psycopg.connect(self._url, autocommit=True)
        if not self._locked(self._worker):
            self._connection.close()
            raise DataDirectoryBusy(
                f"The worker name {self._worker!r} is used by another process on this database.",
                remedy="Set a different `worker.name` for each process.",
            )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _locked(self, worker: str) -> bool:
        assert self._connection is not None
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_lock(worker),)).fetchone()
        return row is not None and bool(row[0])

    def _watch(self) -> None:
        while not self._stopping.wait(_INTERVAL_S):
            try:
                self._take_over_dead_workers()
            except psycopg.Error as error:
                if self._stopping.is_set():
                    return
                _log.error("The lock on this worker's name is lost: %s", error)
                self._lost()
                return

    def _take_over_dead_workers(self) -> None:
        assert self._connection is not None
        workers = self._connection.execute(
            "SELECT DISTINCT executor_id FROM dbos.workflow_status "
            "WHERE status = 'PENDING' AND executor_id IS NOT NULL AND executor_id <> %s",
            (self._worker,),
        ).fetchall()
        for (worker,) in workers:
            if not self._locked(str(worker)):
                continue
            try:
                _log.warning("Worker %s has ended. This process takes over its runs.", worker)
                self._recover(str(worker))
            finally:
                self._connection.execute("SELECT pg_advisory_unlock(%s)", (_lock(str(worker)),))


def _lock(worker: str) -> int:
    """The 64-bit number of the advisory lock for a worker name."""
    digest = hashlib.sha256(f"safelight worker {worker}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
