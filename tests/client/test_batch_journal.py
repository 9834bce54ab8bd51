"""The journal of a batch: kill -9 at any moment, damage, other batches, and two runs at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from test_batch_run import planned, run_batch, states, subjects, write_batch

import safelight_client as sc
from safelight.testing.upstream import ScriptedUpstream
from safelight_client.batch import Journal, RunLimits
from safelight_client.batch.journal import LineRecord

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_batch_run import run_batch
from safelight_client.batch import RunLimits
run_batch({url!r}, Path({path!r}), RunLimits(concurrency=3), honours_keys={honours})
"""


def opened(path: Path, digest: str = "d", server: str = "s") -> Journal:
    return Journal(path, digest=digest, server=server)


@pytest.mark.parametrize(("honours", "moment"), [(True, 1), (False, 7)])
def test_after_kill_9_each_row_has_one_create_and_the_rest_is_made(
    tmp_path: Path, honours: bool, moment: int
) -> None:
    path = write_batch(tmp_path, subjects(9))
    scenario = {
        "idempotent": honours,
        "lists": True,
        "otherwise": {"polls": 2, "charge": 0.4, "submit": {"do": "ok", "delay_s": 0.05}},
    }
    with ScriptedUpstream(scenario) as upstream:
        program = PROGRAM.format(
            folder=str(ROOT / "tests" / "client"), url=upstream.url, path=str(path), honours=honours
        )
        child = subprocess.Popen([sys.executable, "-c", program])
        deadline = time.monotonic() + 60
        while upstream.counts["received"] < moment and child.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        done = run_batch(upstream.url, path, RunLimits(), honours_keys=honours)
        created = upstream.counts["accepted_by_prompt"]
    assert max(created.values()) == 1
    lost = states(done).count("submit_unknown")
    assert states(done).count("delivered") == 9 - lost
    assert lost <= (0 if honours else 3)
    assert (done.ceiling.spent, done.ceiling.unknown) == ((9 - lost) * 400_000, lost * 400_000)
    assert done.ceiling.reserved == 0


def test_a_second_run_of_the_same_batch_is_refused(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "journal.sqlite"),
        pytest.raises(sc.BatchRunning, match="Another program runs this batch"),
    ):
        opened(tmp_path / "journal.sqlite")


@pytest.mark.parametrize("length", [0, 50, 5000])
def test_a_journal_that_was_cut_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "journal.sqlite"
    opened(path).close()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(sc.JournalUnusable, match="damaged"):
        opened(path)
    assert path.stat().st_size == length


def test_a_journal_of_another_version_batch_or_server_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    opened(path).close()
    with pytest.raises(sc.JournalUnusable, match="another batch"):
        opened(path, digest="other")
    with pytest.raises(sc.JournalUnusable, match="belongs to the server s"):
        opened(path, server="other")
    db = sqlite3.connect(path)
    db.execute("pragma user_version = 7")
    db.close()
    with pytest.raises(sc.JournalUnusable, match="version 7"):
        opened(path)


def test_another_database_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    db = sqlite3.connect(path)
    db.execute("create table t (x)")
    db.close()
    with pytest.raises(sc.JournalUnusable, match="not a journal"):
        opened(path)


def test_a_changed_row_makes_another_batch(tmp_path: Path) -> None:
    rows = subjects(2)
    first = planned(write_batch(tmp_path, rows)).digest
    assert planned(write_batch(tmp_path, rows)).digest == first
    changed = [{**rows[0], "size": "720x1280"}, rows[1]]
    assert planned(write_batch(tmp_path, changed)).digest != first


def test_another_login_does_not_continue_a_journal_and_another_password_does(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    for password in ("first-word", "second-word"):
        opened(path, server=f"http://anna:{password}@server.test:8000").close()
    for other in ("http://ben:first-word@server.test:8000", "http://server.test:8000"):
        with pytest.raises(
            sc.JournalUnusable, match=r"another login at the server http://server\.test:8000\."
        ):
            opened(path, server=other)
    assert not any(word in path.read_bytes() for word in (b"anna", b"first-word", b"second-word"))


@pytest.mark.parametrize("login", ["anna", "ben"])
def test_the_password_in_a_journal_of_an_earlier_version_is_removed(tmp_path: Path, login: str) -> None:
    path = tmp_path / "journal.sqlite"
    opened(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("update batch set server = 'http://anna:first-word@server.test:8000'")
        db.commit()
    with suppress(sc.JournalUnusable):
        opened(path, server=f"http://{login}:other@server.test:8000").close()
    assert b"first-word" not in path.read_bytes()
    opened(path, server="http://anna:other@server.test:8000").close()


def test_many_rows_are_numbered_without_looking_for_the_last_number_again(tmp_path: Path) -> None:
    statements: list[str] = []
    with opened(tmp_path / "j.sqlite") as journal:
        journal._db.set_trace_callback(statements.append)
        journal.write_lines(*(LineRecord(number=number, state="blocked") for number in (3, 1, 2)))
        journal.write_lines(LineRecord(number=3, state="delivered"))
        assert not [text for text in statements if "max(" in text]
    with opened(tmp_path / "j.sqlite") as journal:
        journal.write_lines(LineRecord(number=1, state="delivered"))
        assert list(journal.lines()) == [2, 3, 1]
