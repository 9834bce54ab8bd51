"""Check limits in SQLite and PostgreSQL; concurrent checks are counted once each."""

from __future__ import annotations

import pytest

from safelight.accounts import KeyScope, Principal
from safelight.accounts.check_limits import CheckLimiter, CheckLimits, read_budget
from safelight.core.errors import CheckLimitExceeded
from safelight.store.database import Database
from safelight.store.tables import check_usage
from support.concurrency import run_together
from support.people import person
from support.review_room import Clock


def key(name: str, tenant: str = "acme") -> Principal:
    return person(tenant, KeyScope.CHECKS, identity=name)


ONE, TWO, THREE = (key(f"key_{number}") for number in (1, 2, 3))
ELSEWHERE = key("key_1", "other")


def limiter(database: Database, *, per_key: int, per_end_user: int) -> CheckLimiter:
    return CheckLimiter(database, CheckLimits(per_key=per_key, per_end_user=per_end_user))


def test_a_key_has_an_hourly_limit_and_then_gets_a_retry_time(database: Database, clock: Clock) -> None:
    budget = limiter(database, per_key=3, per_end_user=9)
    for left in (2, 1, 0):
        budget.consume(ONE)
        with database.read_transaction(ONE.tenant) as tx:
            assert read_budget(tx, f"{ONE.kind.value}:{ONE.id}", 3).left == left
    with pytest.raises(CheckLimitExceeded) as caught:
        budget.consume(ONE)
    assert (caught.value.status, caught.value.retry) == (429, False)
    budget.consume(TWO)
    budget.consume(ELSEWHERE)
    clock.now += caught.value.retry_after_s or 0
    budget.consume(ONE)


def test_the_limit_of_an_end_user_is_shared_by_all_keys_of_the_tenant(database: Database) -> None:
    budget = limiter(database, per_key=9, per_end_user=2)
    budget.consume(ONE, "u1")
    budget.consume(TWO, "u1")
    with pytest.raises(CheckLimitExceeded, match="end user"):
        budget.consume(THREE, "u1")
    with database.read_transaction(THREE.tenant) as tx:
        used = read_budget(tx, f"{THREE.kind.value}:{THREE.id}", 9).used
    assert used == 0, "what is refused is taken from neither"
    budget.consume(THREE, "u2")
    budget.consume(ELSEWHERE, "u1")


def test_a_cost_is_consumed_completely_or_not_at_all_and_require_consumes_nothing(database: Database) -> None:
    budget = limiter(database, per_key=5, per_end_user=5)
    budget.consume(ONE, "u1", cost=4)
    with pytest.raises(CheckLimitExceeded):
        budget.consume(ONE, "u1", cost=2)
    for _ in range(3):
        budget.require(ONE, "u1")
    budget.consume(ONE, "u1")
    with pytest.raises(CheckLimitExceeded):
        budget.require(ONE, "u1")


@pytest.mark.both_databases
def test_concurrent_checks_never_exceed_the_limit(database: Database) -> None:
    budget = limiter(database, per_key=10, per_end_user=100)
    outcomes = run_together([lambda: budget.consume(ONE, "u1")] * 20)
    assert [isinstance(outcome, CheckLimitExceeded) for outcome in outcomes].count(False) == 10


def test_expired_minutes_are_deleted(database: Database, clock: Clock) -> None:
    budget = CheckLimiter(database, CheckLimits())
    for _ in range(5):
        budget.consume(ONE)
        clock.now += 1800
    with database.read_transaction("acme") as tx:
        kept = tx.select(check_usage, check_usage.c.window_start > 0)
    assert len(kept) <= 3
