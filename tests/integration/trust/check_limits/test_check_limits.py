"""Check limits in SQLite and PostgreSQL; concurrent checks are counted once each."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from safelight.errors import CheckLimitExceeded
from safelight.store.database import Database
from safelight.store.tables import check_usage
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.check_limits import CheckLimiter, CheckLimits


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    database = Database(database_url, clock=clock)
    yield database
    database.close()


def who(name: str = "key_1", tenant: str = "acme") -> Principal:
    return Principal(
        tenant=tenant, id=name, kind=PrincipalKind.KEY, name=name, scopes=frozenset({KeyScope.CHECKS})
    )


def test_a_key_has_an_hourly_limit_and_then_gets_a_retry_time(database: Database, clock: Clock) -> None:
    budget = CheckLimiter(database, CheckLimits(per_key=3, per_end_user=9))
    for left in (2, 1, 0):
        budget.consume(who())
        assert budget.get_budget(who()).left == left
    with pytest.raises(CheckLimitExceeded) as caught:
        budget.consume(who())
    assert (caught.value.status, caught.value.retry) == (429, False)
    budget.consume(who("key_2"))
    budget.consume(who(tenant="other"))
    clock.now += caught.value.retry_after_s or 0
    budget.consume(who())


def test_the_limit_of_an_end_user_is_shared_by_all_keys_of_the_tenant(database: Database) -> None:
    budget = CheckLimiter(database, CheckLimits(per_key=9, per_end_user=2))
    budget.consume(who("key_1"), "u1")
    budget.consume(who("key_2"), "u1")
    with pytest.raises(CheckLimitExceeded, match="end user"):
        budget.consume(who("key_3"), "u1")
    assert budget.get_budget(who("key_3")).used == 0, "what is refused is taken from neither"
    budget.consume(who("key_3"), "u2")
    budget.consume(who("key_1", tenant="other"), "u1")


def test_a_cost_is_consumed_completely_or_not_at_all(database: Database) -> None:
    budget = CheckLimiter(database, CheckLimits(per_key=5, per_end_user=5))
    budget.consume(who(), cost=4)
    with pytest.raises(CheckLimitExceeded):
        budget.consume(who(), cost=2)
    budget.consume(who(), cost=1)


def test_require_consumes_nothing(database: Database) -> None:
    budget = CheckLimiter(database, CheckLimits(per_key=1, per_end_user=1))
    for _ in range(3):
        budget.require(who(), "u1")
    budget.consume(who(), "u1")
    with pytest.raises(CheckLimitExceeded):
        budget.require(who(), "u1")


@pytest.mark.both_databases
def test_concurrent_checks_never_exceed_the_limit(database: Database) -> None:
    budget = CheckLimiter(database, CheckLimits(per_key=10, per_end_user=100))
    ready = threading.Barrier(4)
    spent: list[int] = []

    def one() -> None:
        ready.wait()
        for _ in range(5):
            try:
                budget.consume(who(), "u1")
                spent.append(1)
            except CheckLimitExceeded:
                pass

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spent) == 10


def test_expired_minutes_are_deleted(database: Database, clock: Clock) -> None:
    budget = CheckLimiter(database, CheckLimits())
    for _ in range(5):
        budget.consume(who())
        clock.now += 1800
    with database.read_transaction("acme") as tx:
        kept = tx.select(check_usage, check_usage.c.window_start > 0)
    assert len(kept) <= 3
