"""The lease of a worker on PostgreSQL: a lost connection, another process, and dead workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, combinations, product

import psycopg
import pytest

from safelight.cli.doctor import find_roles
from safelight.cli.doctor_checks import DoctorState
from safelight.core.background.part import UNREADY_AFTER
from safelight.store.database import Database
from safelight.videos.worker_lease import WorkerLease, _lock

from .test_background_faults import ERRORS

pytestmark = pytest.mark.postgres


class Leases:
    """Makes leases on one database, and ends their connections as a restart of PostgreSQL does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lost: list[str] = []
        self.recovered: list[str] = []
        self.made: list[WorkerLease] = []
        self.admin = psycopg.connect(url, autocommit=True)
        self.admin.execute("CREATE SCHEMA dbos")
        self.admin.execute("CREATE TABLE dbos.workflow_status (status text, executor_id text)")

    def make(
        self,
        worker: str,
        *,
        regain_s: float = 60.0,
        recover: Callable[[str], None] | None = None,
        roles: tuple[str, ...] = (),
        may_lead: Callable[[], bool] = lambda: True,
    ) -> WorkerLease:
        lease = WorkerLease(
            self.url,
            worker,
            recover=recover or self.recovered.append,
            lost=lambda: self.lost.append(worker),
            stopping=threading.Event(),
            roles=roles,
            may_lead=may_lead,
            regain_s=regain_s,
        )
        lease.acquire()
        self.made.append(lease)
        return lease

    def pending(self, worker: str) -> None:
        self.admin.execute("INSERT INTO dbos.workflow_status VALUES ('PENDING', %s)", (worker,))

    def disconnect(self, lease: WorkerLease) -> None:
        assert lease._connection is not None
        self.admin.execute("SELECT pg_terminate_backend(%s, 60000)", (lease._connection.info.backend_pid,))


@pytest.fixture
def leases(postgres_url: str) -> Iterator[Leases]:
    made = Leases(postgres_url)
    yield made
    for lease in made.made:
        if lease._connection is not None:
            lease._connection.close()
    made.admin.execute("DROP SCHEMA dbos CASCADE")
    made.admin.close()


def test_a_lost_connection_is_made_again_and_the_work_goes_on(leases: Leases) -> None:
    lease = leases.make("one")
    leases.disconnect(lease)
    lease.watch()
    assert lease.held.is_set()
    assert leases.lost == []
    assert lease.live(["one", "two"]) == {"one"}


def test_a_lock_that_another_process_holds_ends_this_process(leases: Leases) -> None:
    lease = leases.make("one", regain_s=0.1)
    leases.disconnect(lease)
    leases.admin.execute("SELECT pg_advisory_lock(%s)", (_lock("one"),))
    lease.watch()
    assert not lease.held.is_set()
    assert lease.is_lost
    assert leases.lost == ["one"]


def test_a_lock_that_the_own_old_session_still_holds_is_waited_for(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = leases.make("one")
    leases.disconnect(lease)
    # As after a network cut: the server does not know yet that the old session is over.
    old = psycopg.connect(leases.url, autocommit=True)
    old.execute("SELECT pg_advisory_lock(%s)", (_lock("one"),))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        assert not lease.held.is_set()
        pauses.append(seconds)
        old.close()

    monkeypatch.setattr(lease._stopping, "wait", pause)
    lease.watch()
    assert pauses
    assert lease.held.is_set()
    assert leases.lost == []


def test_a_database_that_stays_away_ends_this_process(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = leases.make("one", regain_s=0.1)
    leases.disconnect(lease)

    def refuse(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr("safelight.videos.worker_lease.psycopg.connect", refuse)
    lease.watch()
    assert lease.is_lost
    assert leases.lost == ["one"]


def test_runs_of_a_dead_worker_are_taken_over_and_those_of_a_live_one_are_not(leases: Leases) -> None:
    one, _two = leases.make("one"), leases.make("two")
    leases.pending("two")
    leases.pending("dead")
    one.watch()
    assert leases.recovered == ["dead"]


def test_the_takeover_works_on_after_every_error(leases: Leases) -> None:
    errors = iter(ERRORS.values())

    def recover(worker: str) -> None:
        error = next(errors, None)
        if error is not None:
            raise error()
        leases.recovered.append(worker)

    lease = leases.make("one", recover=recover)
    leases.pending("dead")
    for name in ERRORS:
        lease.part.run_all()
        assert leases.recovered == [], name
        assert lease.live(["one", "dead"]) == {"one"}, name
    assert lease.part.health().errors == len(ERRORS) >= UNREADY_AFTER
    assert "watch failed" in (lease.part.health().problem or "")
    lease.part.run_all()
    assert leases.recovered == ["dead"]
    assert lease.part.health().problem is None
    assert lease.held.is_set()


def test_the_first_worker_leads_and_another_does_after_its_connection(leases: Leases) -> None:
    one, two = leases.make("one"), leases.make("two")
    assert (one.leader, two.leader) == ("one", "one")
    leases.disconnect(one)
    two.watch()
    one.watch()
    assert (one.leader, two.leader) == ("two", "two")
    assert two.live(["one", "two"]) == {"one", "two"}


def test_one_of_the_able_workers_leads_and_without_one_none_does(leases: Leases) -> None:
    names = ("one", "two", "three")
    able = set(names)
    made = {name: leases.make(name, may_lead=lambda name=name: name in able) for name in names}  # type: ignore[misc]
    subsets = list(chain.from_iterable(combinations(names, size) for size in range(len(names) + 1)))
    for before, now in product(subsets, repeat=2):
        for wanted in (before, now):
            able.clear()
            able.update(wanted)
            last = made["one"].leader
            for lease in 3 * [*made.values()]:
                lease.watch()
            (leader,) = {lease.leader for lease in made.values()}
            assert leader in able if able else leader is None
            assert leader == last or last not in able


def test_a_leader_that_was_stopped_does_not_count_until_it_goes_on(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = leases.make("one"), leases.make("two")
    with monkeypatch.context() as patch:
        patch.setattr("safelight.videos.worker_lease._SILENT_S", 0.0)
        two.watch()
        assert two.leader is None
    one.watch()
    two.watch()
    assert (one.leader, two.leader) == ("one", "one")


def test_doctor_names_the_roles_that_no_live_process_has(leases: Leases) -> None:
    with closing(Database(leases.url)) as database:
        assert find_roles(database).message == "No gateway runs on this database."
        one = leases.make("one", roles=("web", "work"))
        two = leases.make("two", roles=("work", "scan", "notify"))
        assert find_roles(database).state is DoctorState.OK
        leases.disconnect(two)
        found = find_roles(database)
        assert (found.state, found.message) == (
            DoctorState.WARNING,
            "No process has these roles: scan, notify.",
        )
        one.watch()
        two.watch()
        assert find_roles(database).state is DoctorState.OK
