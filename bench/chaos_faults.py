"""Each background part meets each kind of error many times, and must work on. `make chaos`.

The tasks of each part are run with a fault in what they call first. After the last round of each kind, the
part must do its work and report no problem. On SQLite in one process; on PostgreSQL in two processes at the
same time, which share the database, as two gateways do. Figures go to docs/benchmarks/chaos.md.
"""

# The faults are inside of the parts.
# ruff: noqa: SLF001

from __future__ import annotations

import argparse
import errno
import json
import logging
import multiprocessing
import os
import queue
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from dbos import DBOS
from dbos._error import DBOSException
from sqlalchemy.exc import IntegrityError, OperationalError

from bench.chaos import fresh_database, settings_file
from safelight.accounts.audit import verify
from safelight.app.container import Container, load
from safelight.cli.demo import operator
from safelight.core.background.part import BackgroundPart
from safelight.core.errors import Conflict
from safelight.core.ids import new_id
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.requests.request import CreateRequest
from safelight.videos.transitions import StaleRevision
from safelight.videos.upstream_waits import UpstreamWaits
from safelight.videos.worker_lease import WorkerLease

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier


def operational(message: str) -> OperationalError:
    return OperationalError("SELECT 1", None, sqlite3.OperationalError(message))


KINDS: dict[str, Callable[[], Exception]] = {
    "locked": lambda: operational("database is locked"),
    "gone": lambda: operational("unable to open database file"),
    "full": lambda: operational("database or disk is full"),
    "read-only": lambda: operational("attempt to write a readonly database"),
    "integrity": lambda: IntegrityError("INSERT", None, sqlite3.IntegrityError("UNIQUE constraint failed")),
    "engine": lambda: DBOSException("the engine failed"),
    "superseded": lambda: StaleRevision(new_id("video")),
    "lost claim": lambda: Conflict("Another process has this row."),
    "ENOSPC": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "EIO": lambda: OSError(errno.EIO, "Input/output error"),
}


#: Processes that share one PostgreSQL database.
GATEWAYS = 2
#: A process waits at most this long for the other one at the end of a scene that both must have passed.
_BARRIER_S = 600.0
#: A decision waits until the reviewer can no longer undo it, and another process may hold the work of a part.
_DONE_WITHIN_S = 20.0
#: Parts that call nothing unless they have something to do.
_NEED_WORK = frozenset({"upstream-polls", "enqueuer"})


@dataclass(frozen=True, kw_only=True)
class Scene:
    """How one part is tried."""

    part: BackgroundPart
    #: Where the fault is: a class, and the name of one of its methods.
    fault: tuple[type[Any], str]
    #: Gives the part something to do.
    prepare: Callable[[], None]
    #: Whether the part has done it.
    is_done: Callable[[], bool]


@contextmanager
def failing(place: tuple[type[Any], str], error: Callable[[], Exception]) -> Iterator[None]:
    """The method fails in this thread; other threads, such as those of the queue, are not affected."""
    owner, name = place
    original, thread = getattr(owner, name), threading.get_ident()

    def call(*arguments: Any, **options: Any) -> Any:
        if threading.get_ident() == thread:
            raise error()
        return original(*arguments, **options)

    with patch.object(owner, name, call):
        yield


class Installation:
    """One process with all background parts, none of which has a thread."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.database = container.persistence.database
        self.who = operator(container)
        videos = container.videos
        self._videos = type(videos)(**{**videos.__dict__, "enqueue": lambda *_: None})
        container.pipeline.queue.start(container.background.upstream_waits.advance)

    def scenes(self) -> Iterator[Scene]:
        """A scene for each background part. The upstream's is first: the sweeper would take its video."""
        parts = {part.name: part for part in self.container.background.parts}
        select = (Transaction, "select")
        if "takeover" in parts:
            lease_is_held = self.container.pipeline.queue._lease.held.is_set  # type: ignore[union-attr]
            fault = (WorkerLease, "_take_over_dead_workers")
            yield Scene(part=parts.pop("takeover"), fault=fault, prepare=_nothing, is_done=lease_is_held)
        for name, fault, prepare, is_done in (
            ("upstream-polls", (UpstreamWaits, "_look"), self._make_poll_due, self._is_polled),
            ("enqueuer", (DBOS, "enqueue_workflow"), self._enqueue, self._is_enqueued),
            ("cancellation", select, self._time_out, self._is_cancelled),
            ("decisions", select, self._decide, self._is_tried),
            ("sweeper", select, self._expire, self._is_swept),
            ("notifier", select, self._publish, self._is_converted),
            ("webhook-pruning", (Transaction, "delete"), self._age_message, self._is_pruned),
            ("audit-checkpoints", select, self._publish, self._is_signed),
        ):
            yield Scene(part=parts.pop(name), fault=fault, prepare=prepare, is_done=is_done)
        if parts:
            raise RuntimeError(f"No scene tries {', '.join(parts)}.")

    def _create(self, model: str) -> str:
        request = CreateRequest(prompt="a quiet lake", model=model, seconds="1", size="640x360")
        return self._videos.create(self.who, request).id

    def _change(self, table: Any, row: str, **changes: Any) -> None:
        with self.database.transaction(self.who.tenant) as tx:
            tx.update(table, table.c.id == row, **changes)

    def _row(self, table: Any, row: str) -> Any:
        with self.database.across_tenants("chaos", readonly=True) as tx:
            return tx.one(table, table.c.id == row)

    def _make_poll_due(self) -> None:
        waits = self.container.background.upstream_waits
        if not waits._waits:
            video, tenant = self._create("scripted-1"), self.who.tenant
            while waits.advance(tenant, video, 1):
                pass
        for wait in waits._waits.values():
            wait.due, wait.busy = 0.0, False

    def _is_polled(self) -> bool:
        """Whether the poll has ended, in its own thread."""
        (wait,) = self.container.background.upstream_waits._waits.values()
        give_up = time.monotonic() + 10
        while (wait.busy or wait.due <= 0) and time.monotonic() < give_up:
            time.sleep(0.01)
        return not wait.busy and wait.due > 0

    def _enqueue(self) -> None:
        self._video = new_id("video")
        self.container.pipeline.queue.enqueue(self.who.tenant, self._video, 1)

    def _is_enqueued(self) -> bool:
        return bool(DBOS.list_workflows(workflow_ids=[f"{self._video}.1"]))

    def _time_out(self) -> None:
        video = self._create("storyboard")
        self._attempt = new_id("attempt")
        self._change(tables.videos, video, state="failed", stage="generation")
        with self.database.transaction(self.who.tenant) as tx:
            tx.insert(
                tables.attempts,
                id=self._attempt,
                video_id=video,
                number=1,
                generator="removed from the settings",
                billing="paid",
                idempotency_key=f"{video}-1",
                upstream_id="upstream-1",
                created_at=tx.now(),
                ended_at=tx.now(),
                outcome="timeout",
                charge_status="unknown",
                currency="USD",
                charge_source="",
            )

    def _is_cancelled(self) -> bool:
        return self._row(tables.attempts, self._attempt).upstream_copy_status == "kept"

    def _decide(self) -> None:
        """A decision on a case that is gone: it cannot be carried out, and why must be recorded."""
        self._decision = new_id("decision")
        with self.database.transaction(self.who.tenant) as tx:
            tx.insert(
                tables.pending_decisions,
                id=self._decision,
                case_id=new_id("case"),
                video_id=new_id("video"),
                action="keep",
                reason="a fault is tried",
                decided_by="chaos",
                at=tx.now(),
                verdict_ids=[],
                due_at=tx.now(),
            )

    def _is_tried(self) -> bool:
        return self._row(tables.pending_decisions, self._decision).conflict is not None

    def _expire(self) -> None:
        self._video = self._create("storyboard")
        self._change(tables.videos, self._video, state="delivered", stage="delivery", expires_at=0.0)

    def _is_swept(self) -> bool:
        return self._row(tables.videos, self._video).deleted_at is not None

    def _publish(self) -> None:
        self._create("storyboard")
        with self.database.across_tenants("chaos", readonly=True) as tx:
            self._events = {
                row.id for row in tx.select(tables.outbox, tables.outbox.c.delivered_at.is_(None))
            }
            self._entries: int = tx.count(tables.audit_log)

    def _is_converted(self) -> bool:
        with self.database.across_tenants("chaos", readonly=True) as tx:
            waiting = tx.select(tables.outbox, tables.outbox.c.delivered_at.is_(None))
            return self._events.isdisjoint(row.id for row in waiting)

    def _age_message(self) -> None:
        self._message = new_id("event")
        with self.database.transaction(self.who.tenant) as tx:
            tx.insert(
                tables.outbox,
                id=self._message,
                topic="webhook",
                subject="webhook_gone",
                body=b"{}",
                created_at=0.0,
                due_at=0.0,
                delivered_at=0.0,
            )

    def _is_pruned(self) -> bool:
        return self._row(tables.outbox, self._message) is None

    def _is_signed(self) -> bool:
        parts = self.container.persistence
        found = verify(parts.database, parts.audit_checkpoints, parts.audit_checkpoint_key)
        return found.ok and found.last_signed_seq >= self._entries


def _nothing() -> None:
    pass


def try_part(scene: Scene, rounds: int) -> list[str]:
    """The problems that were found with one part."""
    part, problems = scene.part, []
    for kind, error in KINDS.items():
        before = part.health().errors
        for _ in range(rounds):
            if part.name in _NEED_WORK:
                scene.prepare()
            with failing(scene.fault, error):
                part.run_all()
        met = part.health().errors - before
        if met < rounds:
            problems.append(f"{part.name} met {kind} {met} times, not {rounds}")
        scene.prepare()
        part.run_all()
        give_up = time.monotonic() + _DONE_WITHIN_S
        while not (done := scene.is_done()) and time.monotonic() < give_up:
            time.sleep(0.1)
            part.run_all()
        if not done:
            problems.append(f"{part.name} did not do its work after {kind}")
        health = part.health()
        if health.problem is not None or health.parked:
            problems.append(f"{part.name} after {kind}: {health.problem}; parked: {health.parked}")
    return problems


def run(
    name: str, *, database: str | None, rounds: int, out: Path, barrier: Barrier | None = None
) -> dict[str, Any]:
    """Try all parts of one process. `barrier`: all processes have started, and none polls an upstream."""
    began = time.monotonic()
    # Each error is logged with its traceback.
    logging.disable(logging.CRITICAL)
    report: dict[str, Any] = {"rounds": rounds, "kinds": len(KINDS), "errors": {}, "problems": []}
    with ScriptedUpstream({"otherwise": {"ends": "never"}}) as upstream:
        settings = settings_file(
            out, name=name, upstream=upstream.url, database=database, shared=out / "shared"
        )
        installation = Installation(load(settings))
        for scene in installation.scenes():
            report["problems"] += try_part(scene, rounds)
            report["errors"][scene.part.name] = scene.part.health().errors
            if barrier is not None and scene.part.name == "upstream-polls":
                # The sweeper of another process would take the video that this one polls.
                barrier.wait(_BARRIER_S)
        if barrier is not None:
            barrier.wait(_BARRIER_S)
        readiness = installation.container.readiness.describe()
        if not readiness["ready"]:
            report["problems"].append(f"not ready at the end: {readiness['problems']}")
        installation.container.core.shutdown_event.set()
        DBOS.destroy(workflow_completion_timeout_sec=5)
    report["seconds"] = round(time.monotonic() - began)
    return report


def _run_process(
    name: str, *, database: str, rounds: int, out: Path, barrier: Barrier, reports: Queue[dict[str, Any]]
) -> None:
    report = run(name, database=database, rounds=rounds, out=out, barrier=barrier)
    reports.put({"gateway": name, **report})


def run_gateways(*, database: str, rounds: int, out: Path) -> list[dict[str, Any]]:
    """The reports of processes that share one database, at the same time."""
    context = multiprocessing.get_context("spawn")
    barrier, reports = context.Barrier(GATEWAYS), context.Queue()
    target = partial(
        _run_process, database=database, rounds=rounds, out=out, barrier=barrier, reports=reports
    )
    processes = [context.Process(target=target, args=(f"faults-{number}",)) for number in range(GATEWAYS)]
    for process in processes:
        process.start()
    found: list[dict[str, Any]] = []
    # A queue must be read before its writer is joined.
    while len(found) < len(processes):
        try:
            found.append(reports.get(timeout=1.0))
        except queue.Empty:
            if any(process.exitcode for process in processes):
                barrier.abort()
                raise RuntimeError("A process ended with an error.") from None
    for process in processes:
        process.join()
    return sorted(found, key=lambda report: str(report["gateway"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    options = parser.parse_args()
    server = os.environ.get("SAFELIGHT_TEST_POSTGRES")
    if options.store == "postgres" and not server:
        print("postgres: left out; set SAFELIGHT_TEST_POSTGRES", file=sys.stderr)
        return 0
    out = Path(tempfile.mkdtemp(prefix="safelight-chaos-"))
    try:
        if options.store == "postgres" and server:
            found = run_gateways(database=fresh_database(server), rounds=options.rounds, out=out)
        else:
            found = [run("faults", database=None, rounds=options.rounds, out=out)]
    finally:
        shutil.rmtree(out, ignore_errors=True)
    print(json.dumps({options.store: found}, indent=2))
    return 1 if any(report["problems"] for report in found) else 0


if __name__ == "__main__":
    sys.exit(main())
