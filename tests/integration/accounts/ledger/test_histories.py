"""Random histories of videos: the sums of the ledger equal those of a simple model."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from safelight.accounts import Accounts, KeyScope, Principal
from safelight.accounts.ledger import Ledger, Prices, Reason, SumBy, Work, charge, credit, record_cost
from safelight.core.ids import new_id
from safelight.store.database import Database, Transaction
from safelight.store.tables import ledger_entries
from support.people import person
from support.videos import add_video

#: A few in the suite, which is to stay fast; `LEDGER_HISTORIES=10000 pytest` plays as many as are wanted.
HISTORIES = int(os.environ.get("LEDGER_HISTORIES", "400"))
PRICES = {
    currency: Prices(currency=currency, micros_per_second=price, by_model={"dear": 7 * price + 1})
    for currency, price in (("USD", 99_999), ("EUR", 1))
}


class Model:
    """What the sums must be, kept by hand."""

    def __init__(self) -> None:
        self.sums: Counter[tuple[SumBy, str, str, str]] = Counter()

    def add(self, work: Work, tenant: str, currency: str, name: str, amount: int) -> None:
        groups = {
            SumBy.TENANT: tenant,
            SumBy.ACCOUNT: work.account,
            SumBy.END_USER: work.end_user or "",
        }
        for by, group in groups.items():
            self.sums[by, group, currency, name] += amount


def play(tx: Transaction, rng: random.Random, model: Model) -> None:
    """One video: accepted or not, attempts with costs, an end, a late appeal; each event may come twice."""
    work = Work(
        video_id=new_id("video"),
        account=f"key_{rng.randrange(5)}",
        end_user=rng.choice([None, "ann", "bob", "cem"]),
    )
    currency = rng.choice(["USD", "EUR"])
    add_video(tx, id=work.video_id, principal_id=work.account, end_user=work.end_user)
    paid = 0
    for _ in range(rng.choice([0, 1, 1, 2])):
        name, seconds = rng.choice(["dear", "plain"]), rng.randrange(0, 60)
        wanted = charge(tx, PRICES[currency], work, model=name, seconds=seconds)
        if not paid and wanted:
            paid = wanted
            model.add(work, tx.tenant or "", currency, "charged", wanted)
    for _ in range(rng.randrange(3)):
        amount = rng.choice([None, rng.randrange(1, 10**7)])
        attempt, costs = new_id("attempt"), rng.choice(["USD", "EUR"])
        for _ in range(rng.choice([1, 2])):
            record_cost(tx, work.video_id, attempt, amount, costs)
        name = "unknown" if amount is None else "cost"
        model.add(work, tx.tenant or "", costs, name, 1 if amount is None else amount)
    ends = rng.sample([Reason.BLOCKED, Reason.FAILED, Reason.APPEAL_WON], rng.randrange(3))
    for reason in ends:
        given = credit(tx, work.video_id, reason)
        assert given == paid, "credited in full, and once"
        model.add(work, tx.tenant or "", currency, "credited", given)
        paid = 0


def check(database: Database, tenants: list[str], model: Model) -> None:
    ledger = Ledger(database)
    found: Counter[tuple[SumBy, str, str, str]] = Counter()
    for tenant in tenants:
        principal = admin(tenant)
        for by in SumBy:
            for one in ledger.sums(principal, by):
                found[by, one.group, one.currency, "charged"] += one.charged_micros
                found[by, one.group, one.currency, "credited"] += one.credited_micros
                found[by, one.group, one.currency, "cost"] += one.cost_micros
                found[by, one.group, one.currency, "unknown"] += one.unknown_costs
                assert 0 <= one.due_micros <= one.charged_micros
    assert +found == +model.sums


def admin(tenant: str) -> Principal:
    return person(tenant, KeyScope.ADMIN)


def run_histories(database: Database, number: int, *, seed: int) -> None:
    accounts, rng, model = Accounts(database), random.Random(seed), Model()
    tenants = [accounts.create_tenant(name).id for name in ("one", "two")]
    for start in range(0, number, 100):
        with database.transaction(rng.choice(tenants)) as tx:
            for _ in range(min(100, number - start)):
                play(tx, rng, model)
    check(database, tenants, model)


def test_random_histories_sum_right_by_tenant_account_and_end_user(database: Database) -> None:
    run_histories(database, HISTORIES, seed=1)


def test_an_event_that_fails_leaves_nothing_in_the_ledger(database: Database) -> None:
    tenant = Accounts(database).create_tenant("one").id
    work = Work(video_id=new_id("video"), account="key_1", end_user=None)

    def interrupted() -> None:
        with database.transaction(tenant) as tx:
            charge(tx, PRICES["USD"], work, model="plain", seconds=4)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    with database.read_transaction(tenant) as tx:
        assert tx.count(ledger_entries) == 0


def test_pages_have_every_entry_once(database: Database) -> None:
    tenant = Accounts(database).create_tenant("one").id
    with database.transaction(tenant) as tx:
        for _ in range(7):
            work = Work(video_id=new_id("video"), account="key_1", end_user=None)
            charge(tx, PRICES["USD"], work, model="plain", seconds=1)
    ledger, seen, after, more = Ledger(database), [], None, True
    while more:
        page, more = ledger.list(admin(tenant), after=after, limit=3)
        seen += [one.id for one in page]
        after = page[-1].id
    assert len(seen) == len(set(seen)) == 7
    assert [one.id for one in ledger.read_all(admin(tenant))] == seen
