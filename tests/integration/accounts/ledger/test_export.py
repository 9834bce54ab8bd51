"""An export that goes on from its last entry misses nothing, although transactions overlap."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from safelight.accounts import KeyScope
from safelight.accounts.ledger import Ledger, Prices, Work, charge
from safelight.store.database import Database
from support.people import person

pytestmark = pytest.mark.both_databases

OWNER = person("tenant_here", KeyScope.ADMIN)


def _charge(database: Database, video: str, wait: object = None) -> None:
    """Charge for a video; the transaction stays open while `wait` is called."""
    work = Work(video_id=video, account="key_1", end_user=None)
    with database.transaction(OWNER.tenant) as tx:
        charge(tx, Prices(micros_per_second=1), work, model="any", seconds=4)
        if callable(wait):
            wait()


def test_an_entry_that_was_added_first_and_committed_last_comes_after_the_end_of_the_export(
    database: Database,
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time.")
    ledger = Ledger(database)
    added, commit = threading.Event(), threading.Event()

    def wait() -> None:
        added.set()
        assert commit.wait(30)

    slow = threading.Thread(target=_charge, args=(database, "video_slow", wait))
    slow.start()
    assert added.wait(30)
    _charge(database, "video_quick")
    (first,) = ledger.list(OWNER)[0]
    assert first.work.video_id == "video_quick"
    commit.set()
    slow.join()
    for listed, videos in (
        (ledger.list(OWNER, after=first.id)[0], ["video_slow"]),
        (ledger.list(OWNER, newest_first=True)[0], ["video_slow", "video_quick"]),
    ):
        assert [one.work.video_id for one in listed] == videos


def test_pages_of_any_size_have_every_entry_of_two_writers_once(database: Database) -> None:
    def write(name: str) -> None:
        for number in range(25):
            _charge(database, f"video_{name}_{number}")

    ledger, found, after = Ledger(database), list[str](), None
    with ThreadPoolExecutor(2) as threads:
        writers = [threads.submit(write, name) for name in "ab"]
        while not all(writer.done() for writer in writers) or len(found) < 50:
            entries, _more = ledger.list(OWNER, after=after, limit=3)
            found += [one.work.video_id for one in entries]
            after = entries[-1].id if entries else after
    assert sorted(found) == sorted(f"video_{name}_{number}" for name in "ab" for number in range(25))
