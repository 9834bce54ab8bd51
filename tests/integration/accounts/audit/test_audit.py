from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from safelight.accounts.audit import (
    AuditVerification,
    CheckpointKey,
    CheckpointStore,
    CheckpointWriter,
    FileCheckpointStore,
    ObjectCheckpointStore,
    erase_contents,
    read_entries,
    read_history,
    verify,
)
from safelight.core import canonical_json
from safelight.core.errors import BadInput, SettingsError
from safelight.store.database import Database
from safelight.store.hash_chain import ChainedFields, compute_commitment, hash_entry
from safelight.store.migrations import migrate
from safelight.store.tables import audit_log, audit_log_contents

pytestmark = pytest.mark.both_databases


@dataclass(frozen=True)
class Log:
    """The log of a database with its key and its checkpoints."""

    database: Database
    key: CheckpointKey
    checkpoints: CheckpointStore

    def write(self, count: int, tenant: str = "acme") -> None:
        for number in range(count):
            with self.database.transaction(tenant) as tx:
                tx.append_audit(
                    "video.moved", subject=f"video_{number}", actor="jobs", content={"number": number}
                )

    def writer(self, **options: Any) -> CheckpointWriter:
        return CheckpointWriter(self.database, self.key, [self.checkpoints], **options)

    def sign(self) -> None:
        self.writer().write()

    def tamper(self, *statements: str) -> None:
        with self.database.raw_connection() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def exchange(self, table: str) -> None:
        """Exchange the rows 3 and 4."""
        moves = ((99, 3), (3, 4), (4, 99))
        self.tamper(*(f"UPDATE {table} SET seq = {new} WHERE seq = {old}" for new, old in moves))

    def verify(self) -> AuditVerification:
        return verify(self.database, [self.checkpoints], self.key)

    def problems(self) -> str:
        result = self.verify()
        assert result.ok is (not result.problems)
        return " ".join(problem.message for problem in result.problems)


@pytest.fixture
def log(database: Database, key: CheckpointKey, checkpoints: FileCheckpointStore) -> Log:
    return Log(database, key, checkpoints)


def test_an_unchanged_log_verifies(log: Log) -> None:
    assert log.verify().ok
    log.write(3)
    log.write(2, tenant="other")
    log.sign()
    result = log.verify()
    assert result.problems == ()
    assert (result.ok, result.entries, result.checkpoints, result.last_signed_seq) == (True, 5, 1, 5)


def test_several_entries_of_one_transaction_are_chained_in_order(log: Log) -> None:
    with log.database.transaction("acme") as tx:
        for number in range(3):
            tx.append_audit("x", subject=str(number), actor="me", content={})
    assert [entry.subject for entry in read_entries(log.database)] == ["0", "1", "2"]
    assert log.verify().ok


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE audit_log SET actor = 'nobody' WHERE seq = 3", "Entry 3 was changed"),
        ("UPDATE audit_log SET at = at + 1 WHERE seq = 3", "Entry 3 was changed"),
        ("UPDATE audit_log SET tenant_id = 'other' WHERE seq = 3", "Entry 3 was changed"),
        ("UPDATE audit_log SET previous = hash WHERE seq = 3", "Entry 3 does not follow"),
        ("UPDATE audit_log SET hash = previous WHERE seq = 3", "Entry 4 does not follow"),
        ("DELETE FROM audit_log WHERE seq = 3", "Entry 3 is missing."),
        ("DELETE FROM audit_log WHERE seq IN (2, 3)", "Entries 2 to 3 are missing."),
        ("DELETE FROM audit_log WHERE seq = 1", "Entry 1 is missing."),
        ("DELETE FROM audit_log WHERE seq = 6", "The log ends at entry 5"),
        ("DELETE FROM audit_log", "The log ends at entry 0"),
        ("DELETE FROM audit_log_head", "which records the last entry, is empty"),
        ("UPDATE audit_log_contents SET content = NULL WHERE seq = 3", "no entry records the erasure"),
        ("DELETE FROM audit_log_contents WHERE seq = 3", "content row of entry 3 is missing"),
        ("UPDATE audit_log_contents SET tenant_id = 'other' WHERE seq = 3", "assigned to another tenant"),
        ("UPDATE audit_log_contents SET salt = content WHERE seq = 3", "content of entry 3 was changed"),
    ],
)
def test_a_change_is_found_and_its_entry_named(log: Log, change: str, said: str) -> None:
    log.write(6)
    log.tamper(change)
    assert said in log.problems()


def test_exchanged_entries_and_exchanged_contents_are_found(log: Log) -> None:
    log.write(6)
    log.exchange("audit_log")
    said = log.problems()
    assert "Entry 3" in said
    assert "Entry 4" in said
    log.exchange("audit_log")
    log.exchange("audit_log_contents")
    assert [problem.seq for problem in log.verify().problems] == [3, 4]


def rewrite(log: Log, until: int) -> None:
    """Cut the log after `until`, change its last entry, and make the whole chain hold again."""
    with log.database.across_tenants("an attacker with the database") as tx:
        tx.delete(audit_log, audit_log.c.seq > until)
        tx.delete(audit_log_contents, audit_log_contents.c.seq > until)
        row = tx.one(audit_log, audit_log.c.seq == until)
        assert row is not None
        content = canonical_json.encode({"number": "forged"})
        commitment = compute_commitment(b"salt", content)
        names = ("previous", "seq", "at", "tenant_id", "event", "subject", "actor")
        chained = {name: row._mapping[name] for name in names}
        hash_ = hash_entry(ChainedFields(**chained, commitment=commitment))
        tx.update(audit_log, audit_log.c.seq == until, commitment=commitment, hash=hash_)
        tx.update(audit_log_contents, audit_log_contents.c.seq == until, salt=b"salt", content=content)
    log.tamper(f"UPDATE audit_log_head SET seq = {until}, hash = '{hash_}'")


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (4, "covers entry 6, but the log ends at entry 4"),
        (6, "Entry 6 differs from its signed checkpoint"),
    ],
)
def test_a_log_that_was_forged_with_its_chain_is_found_by_its_checkpoints(
    log: Log, until: int, said: str
) -> None:
    log.write(6)
    log.sign()
    rewrite(log, until)
    assert verify(log.database, [], log.key).ok
    assert said in log.problems()


def test_a_checkpoint_signed_by_another_key_is_found(log: Log, tmp_path: Path) -> None:
    log.write(3)
    (tmp_path / "other").mkdir()
    replace(log, key=CheckpointKey.load(tmp_path / "other")).sign()
    assert "not signed by the key of this gateway" in log.problems()


def test_an_edited_checkpoint_and_an_unreadable_line_are_found(log: Log, tmp_path: Path) -> None:
    log.write(3)
    log.sign()
    path = tmp_path / "checkpoints" / "checkpoints.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"seq":3', b'"seq":2') + b"nonsense\n\xff\n")
    said = log.problems()
    assert "not signed" in said
    assert "Line 2 of checkpoints.jsonl is not a checkpoint." in said
    assert "Line 3" in said


def test_a_checkpoint_after_a_truncated_line_is_read(log: Log, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "checkpoints.jsonl").write_bytes(b'{"seq":1,"ha')
    log.write(2)
    log.sign()
    assert log.verify().checkpoints == 1
    assert log.problems() == "Line 1 of checkpoints.jsonl is not a checkpoint."


def test_a_backup_verifies_if_its_checkpoints_were_copied_before_its_database(
    tmp_path: Path, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    """The order of the copies in docs/operations.md, while the gateway goes on."""
    live = Log(Database(f"sqlite:///{tmp_path}/db.sqlite3"), key, checkpoints)
    migrate(live.database)
    live.write(1)
    live.sign()
    shutil.copytree(tmp_path / "checkpoints", tmp_path / "copied_first")
    live.write(1)
    live.sign()
    with (
        closing(sqlite3.connect(tmp_path / "db.sqlite3")) as source,
        closing(sqlite3.connect(tmp_path / "copy.sqlite3")) as target,
    ):
        source.backup(target)
    live.write(1)
    live.sign()
    copy = replace(live, database=Database(f"sqlite:///{tmp_path}/copy.sqlite3"))
    assert replace(copy, checkpoints=FileCheckpointStore(tmp_path / "copied_first")).verify().ok
    assert "covers entry 3, but the log ends at entry 2" in copy.problems()


def test_checkpoints_are_written_only_if_the_log_has_grown(log: Log) -> None:
    writer = log.writer()
    assert writer.write() is None
    log.write(1)
    assert writer.write() is not None
    assert writer.write() is None
    assert len(list(log.checkpoints.read())) == 1


def test_a_started_writer_writes_a_checkpoint_at_once(log: Log) -> None:
    log.write(2)
    stopping = threading.Event()
    writer = log.writer(interval_s=3600, stopping=stopping)
    writer.part.start()
    while not list(log.checkpoints.read()):
        time.sleep(0.005)
    stopping.set()
    writer.part.join(60)
    assert log.verify().last_signed_seq == 2


def test_no_entry_follows_the_last_checkpoint(log: Log) -> None:
    log.write(2)
    with closing(Database(log.database.url)) as other:
        with log.writer().closed_log() as checkpoint:
            late = threading.Thread(target=replace(log, database=other).write, args=(1,), daemon=True)
            late.start()
            late.join(0.3)
            assert checkpoint.seq == log.verify().entries == 2
        late.join(60)


def test_checkpoints_in_an_object_store_count_like_those_in_a_folder(
    database: Database, key: CheckpointKey, s3: Any, tmp_path: Path
) -> None:
    places = [
        ObjectCheckpointStore(s3.bucket(), options=s3.options),
        ObjectCheckpointStore((tmp_path / "away").as_uri()),
    ]
    logs = [Log(database, key, place) for place in places]
    logs[0].write(3)
    for _ in range(2):
        CheckpointWriter(database, key, places).write()
    rewrite(logs[0], 2)
    for log in logs:
        assert log.verify().checkpoints == 1
        assert "covers entry 3" in log.problems()


def test_erasure_keeps_the_chain_valid_and_is_recorded(log: Log) -> None:
    log.write(5)
    with log.database.transaction("acme") as tx:
        assert erase_contents(tx, [2, 4, 4], actor="officer", reason="a person asked") == 2
    result = log.verify()
    assert (result.problems, result.entries, result.erased) == ((), 6, 2)
    found = [entry.content for entry in read_entries(log.database)]
    assert found[1:3] == [None, {"number": 2}]
    assert found[5] == {"seqs": [2, 4], "reason": "a person asked"}
    with log.database.across_tenants("looking", readonly=True) as tx:
        (row,) = tx.select(audit_log_contents, audit_log_contents.c.seq == 2)
    assert bytes(row.salt) == b""


def test_entries_of_other_tenants_are_neither_read_nor_erased_and_entries_of_erasures_never_erased(
    log: Log,
) -> None:
    log.write(2)
    log.write(2, tenant="other")
    with log.database.transaction("acme") as tx:
        assert [(entry.seq, entry.content) for entry in read_history(tx, "video_1")] == [(2, {"number": 1})]
        erase_contents(tx, [1], actor="officer", reason="asked")
    for seq in (3, 5, 99):
        with log.database.transaction("acme") as tx, pytest.raises(BadInput):
            erase_contents(tx, [seq], actor="officer", reason="asked")


def test_concurrent_processes_append_to_one_chain(log: Log) -> None:
    code = """
import sys
from safelight.store.database import Database
database = Database(sys.argv[1])
for number in range(40):
    with database.transaction(sys.argv[2]) as tx:
        tx.append_audit("x", subject=str(number), actor=sys.argv[2], content={"number": number})
        tx.append_audit("y", subject=str(number), actor=sys.argv[2], content={})
"""
    command = [sys.executable, "-c", code, log.database.url]
    running = [subprocess.Popen([*command, tenant]) for tenant in ("one", "two")]
    assert [process.wait() for process in running] == [0, 0]
    assert (log.problems(), log.verify().entries) == ("", 160)


def test_long_logs_are_read_in_pages(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.accounts.audit.verification._ROWS_PER_PAGE", 7)
    log.write(20)
    assert log.verify().entries == 20
    log.tamper("DELETE FROM audit_log WHERE seq IN (7, 8)")
    assert "Entries 7 to 8 are missing." in log.problems()


def test_very_many_problems_are_counted_not_listed(log: Log) -> None:
    with log.database.transaction("acme") as tx:
        for number in range(130):
            tx.append_audit("x", subject=str(number), actor="me", content={})
    log.tamper("UPDATE audit_log SET actor = 'nobody'")
    result = log.verify()
    assert len(result.problems) == 101
    assert result.problems[-1].message == "There are 30 more problems."


def test_the_key_is_created_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    first = CheckpointKey.load(tmp_path)
    public = CheckpointKey.public(tmp_path / "audit.pub.pem")
    assert CheckpointKey.load(tmp_path).fingerprint == public.fingerprint == first.fingerprint
    assert (tmp_path / "audit.pem").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"audit.pem", "audit.pub.pem"}
    with pytest.raises(ValueError, match="cannot sign"):
        public.sign(seq=1, hash="0", at=1.0)


def test_if_the_private_key_is_lost_the_public_file_is_that_of_the_new_key_and_the_old_one_is_kept(
    tmp_path: Path,
) -> None:
    lost = CheckpointKey.load(tmp_path)
    (tmp_path / "audit.pem").unlink()
    new = CheckpointKey.load(tmp_path)
    assert CheckpointKey.load(tmp_path).fingerprint == new.fingerprint != lost.fingerprint
    assert CheckpointKey.public(tmp_path / "audit.pub.pem").fingerprint == new.fingerprint
    [earlier] = tmp_path.glob("audit.pub.*.pem")
    assert CheckpointKey.public(earlier).fingerprint == lost.fingerprint


def test_an_invalid_key_file_is_reported(tmp_path: Path) -> None:
    for name in ("audit.pem", "audit.pub.pem"):
        (tmp_path / name).write_text("not a key")
    for read, path in ((CheckpointKey.public, tmp_path / "audit.pub.pem"), (CheckpointKey.load, tmp_path)):
        with pytest.raises(SettingsError, match="not an Ed25519 key"):
            read(path)


def test_the_command_verifies_and_shows_the_log(
    log: Log, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from typer.main import get_command

    from safelight.cli.audit import app

    def run(*arguments: str) -> tuple[int, str]:
        arguments = (*arguments, "--database", log.database.url)
        code = get_command(app).main(args=list(arguments), prog_name="audit", standalone_mode=False)
        return code, capsys.readouterr().out

    log.write(3)
    log.sign()
    copies = ["--checkpoints", str(tmp_path / "checkpoints")]
    copies += ["--public-key", str(tmp_path / "keys" / "audit.pub.pem")]
    code, said = run("verify", *copies)
    assert code == 0
    assert "The log is valid (3 entries" in said
    assert msgspec.json.decode(run("verify", *copies, "--json")[1])["last_signed_seq"] == 3
    code, said = run("show", "--after", "1", "--limit", "1")
    assert code == 0
    assert "video.moved  video_1  by jobs" in said
    entries = msgspec.json.decode(run("show", "--json")[1])["entries"]
    assert [entry["seq"] for entry in entries] == [1, 2, 3]
    log.tamper("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2")
    code, said = run("verify", *copies)
    assert code == 3
    assert "Entry 2 was changed after it was written." in said
