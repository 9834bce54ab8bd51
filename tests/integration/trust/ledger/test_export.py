"""An export that goes on from its last entry misses nothing, although transactions overlap."""

from __future__ import annotations

import threading

import pytest

from safelight.store.database import Database
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.ledger import Ledger, Prices, Work, charge

PRICES = Prices(micros_per_second=1)
OWNER = Principal(
    tenant="tenant_here",
    id="key_1",
    kind=PrincipalKind.KEY,
    name="owner",
    scopes=frozenset({KeyScope.ADMIN}),
)


def _charge(database: Database, video: str, *, added: threading.Event, commit: threading.Event) -> None:
    with database.transaction(OWNER.tenant) as tx:
        charge(tx, PRICES, Work(video_id=video, account="key_1", end_user=None), model="any", seconds=4)
        added.set()
        assert commit.wait(30)


def _videos(ledger: Ledger, after: str | None = None) -> list[str]:
    return [one.work.video_id for one in ledger.list(OWNER, after=after)[0]]


def test_an_entry_that_was_added_first_and_committed_last_comes_after_the_end_of_the_export(
    database_url: str,
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time.")
    database = Database(database_url)
    ledger = Ledger(database)
    added, commit = threading.Event(), threading.Event()
    slow = threading.Thread(
        target=_charge, args=(database, "video_slow"), kwargs={"added": added, "commit": commit}
    )
    slow.start()
    assert added.wait(30)
    done = threading.Event()
    done.set()
    _charge(database, "video_quick", added=threading.Event(), commit=done)
    (first,) = ledger.list(OWNER)[0]
    assert first.work.video_id == "video_quick"
    commit.set()
    slow.join()
    assert _videos(ledger, after=first.id) == ["video_slow"]
    newest_first = ledger.list(OWNER, newest_first=True)[0]
    assert [one.work.video_id for one in newest_first] == ["video_slow", "video_quick"]
    database.close()


@pytest.mark.both_databases
def test_pages_of_any_size_have_every_entry_of_two_writers_once(database_url: str) -> None:
    database = Database(database_url)
    done = threading.Event()
    done.set()

    def write(name: str) -> None:
        for number in range(25):
            _charge(database, f"video_{name}_{number}", added=threading.Event(), commit=done)

    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for writer in writers:
        writer.start()
    ledger, found, after = Ledger(database), list[str](), None
    while any(writer.is_alive() for writer in writers) or len(found) < 50:
        entries, _more = ledger.list(OWNER, after=after, limit=3)
        found += [one.work.video_id for one in entries]
        after = entries[-1].id if entries else after
    assert sorted(found) == sorted(f"video_{name}_{number}" for name in "ab" for number in range(25))
    database.close()
