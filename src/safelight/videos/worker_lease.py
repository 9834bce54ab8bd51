"""Worker leases on PostgreSQL: a process detects dead processes and takes over their runs.

Every process holds an advisory lock on its worker name, on a separate connection. PostgreSQL releases the
lock when the process ends. The first other process that gets the lock takes over the runs of the dead
process. On the same connection, one process holds the lock of the leader.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

import psycopg

from safelight.core.background.part import BackgroundPart
from safelight.core.errors import ConfigurationError, DataDirectoryBusy
from safelight.store.database import limit_session, postgres_arguments

from .fleet_roles import HELD, lock_number, number_of_role

_log = logging.getLogger(__name__)
_INTERVAL_S = 1.0
#: After the connection was lost, for example because PostgreSQL restarts, the lock is asked for again for
#: this time. Then the process gives up.
_REGAIN_S = 60.0
#: A leader that has not used its connection for this time does not count: it was stopped or cut off, or it
#: shuts down. All others then do its work, which several processes may do, until it is back or its session
#: has ended.
_SILENT_S = 10.0
_LEADER = lock_number("safelight leader")


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
        """Lock the name of this worker. Raises `DataDirectoryBusy` if a live process holds the lock, and
        `ConfigurationError` behind a pooler with which no lock holds.
        """
        self._connection = connect_postgres(self._url)
        self._require_own_session(self._connection)
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

    def _require_own_session(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        """Raise `ConfigurationError` if a transaction of another connection can have the session of this one,
        or this one another session meanwhile.
        """
        with connect_postgres(self._url) as other:
            first = _session_of(connection)
            with other.transaction():
                if _session_of(other) == first or _session_of(connection) != first:
                    connection.close()
                    raise ConfigurationError(
                        "The pooler in front of PostgreSQL gives each transaction another session, so "
                        "the lock on the name of this worker would not hold.",
                        remedy="Connect directly, or set `pool_mode = session` in the pooler.",
                    )

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
            # After a network cut, the server keeps the old session of this process, and its lock, for longer.
            except (DataDirectoryBusy, psycopg.Error) as again:
                if time.monotonic() >= give_up_at:
                    _log.error(
                        "The lock was not regained in %g s. This process ends: %s", self._regain_s, again
                    )
                    break
                self._stopping.wait(min(_INTERVAL_S, self._regain_s))
            except ConfigurationError as problem:
                _log.error("%s This process ends.", problem)
                break
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


def connect_postgres(url: str, *, wait_s: float = 10.0) -> psycopg.Connection[tuple[object, ...]]:
    connection = psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://"),
        autocommit=True,
        **postgres_arguments(url, wait_s=wait_s),
    )
    limit_session(connection)
    return connection


def _session_of(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[object, ...] | None:
    return connection.execute("SELECT pg_backend_pid()").fetchone()


def _lock(worker: str) -> int:
    return lock_number(f"safelight worker {worker}")
