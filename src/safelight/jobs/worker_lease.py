"""Worker leases on PostgreSQL: a process detects dead processes and takes over their runs.

Every process holds an advisory lock on its worker name, on a separate connection. PostgreSQL releases the
lock when the process ends. The first other process that gets the lock takes over the runs of the dead
process.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable

import psycopg

from safelight.background.part import BackgroundPart
from safelight.errors import DataDirectoryBusy

_log = logging.getLogger(__name__)
_INTERVAL_S = 1.0
#: After the connection was lost, for example because PostgreSQL restarts, the lock is asked for again for
#: this time. Then the process gives up.
_REGAIN_S = 60.0


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
        regain_s: float = _REGAIN_S,
    ) -> None:
        """`lost` is called when the lock is lost for good. The process must then exit at once."""
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://")
        self._worker = worker
        self._recover = recover
        self._lost = lost
        self._stopping = stopping
        self._regain_s = regain_s
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
        self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
        if not self._locked(self._worker):
            self._connection.close()
            raise DataDirectoryBusy(
                f"The worker name {self._worker!r} is used by another process on this database.",
                remedy="Set a different `worker.name` for each process.",
            )
        self.held.set()

    def watch(self) -> None:
        """Take over the runs of dead workers. If the own lock was lost meanwhile, ask for it again."""
        assert self._connection is not None
        try:
            self._take_over_dead_workers()
        except psycopg.Error as error:
            if not self._connection.closed:
                raise
            self._regain(error)

    def live(self, workers: Iterable[str]) -> set[str]:
        """Those of these workers whose lock is held by a process."""
        assert self._connection is not None
        rows = self._connection.execute(
            "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' "
            "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchall()
        held = {row[0] for row in rows}
        return {worker for worker in workers if _lock(worker) in held}

    def _locked(self, worker: str) -> bool:
        assert self._connection is not None
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_lock(worker),)).fetchone()
        return row is not None and bool(row[0])

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
