from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from safelight import canonical_json
from safelight.errors import BadInput, SettingsError
from safelight.store.database import Database
from safelight.store.hash_chain import ChainedFields, compute_commitment, hash_entry
from safelight.store.migrations import migrate
from safelight.store.tables import audit_log, audit_log_contents
from safelight.trust.audit import (
    AuditVerification,
    CheckpointKey,
    CheckpointWriter,
    FileCheckpointStore,
    ObjectCheckpointStore,
    erase_contents,
    read_entries,
    read_history,
    verify,
)

pytestmark = pytest.mark.both_databases


@pytest.fixture
def key(tmp_path: Path) -> CheckpointKey:
    (tmp_path / "keys").mkdir()
    return CheckpointKey.load(tmp_path / "keys")


@pytest.fixture
def checkpoints(tmp_path: Path) -> FileCheckpointStore:
    (tmp_path / "checkpoints").mkdir()
    return FileCheckpointStore(tmp_path / "checkpoints")


def write(database: Database, count: int, tenant: str = "acme") -> None:
    for number in range(count):
        with database.transaction(tenant) as tx:
            tx.append_audit(
                "video.moved", subject=f"video_{number}", actor="jobs", content={"number": number}
            )


def tamper(database: Database, *statements: str) -> None:
    with database.raw_connection() as connection:
        for statement in statements:
            connection.execute(text(statement))


def messages(result: AuditVerification) -> str:
    assert not result.ok
    return " ".join(problem.message for problem in result.problems)


def test_an_unchanged_log_verifies(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    assert verify(database, [checkpoints], key).ok
    write(database, 3)
    write(database, 2, tenant="other")
    CheckpointWriter(database, key, [checkpoints]).write()
    result = verify(database, [checkpoints], key)
    assert result.problems == ()
    assert (result.ok, result.entries, result.checkpoints, result.last_signed_seq) == (True, 5, 1, 5)


def test_several_entries_of_one_transaction_are_chained_in_order(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    with database.transaction("acme") as tx:
        for number in range(3):
            tx.append_audit("x", subject=str(number), actor="me", content={})
    assert [entry.subject for entry in read_entries(database)] == ["0", "1", "2"]
    assert verify(database, [checkpoints], key).ok


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
def test_a_change_is_found_and_its_entry_named(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey, change: str, said: str
) -> None:
    write(database, 6)
    tamper(database, change)
    assert said in messages(verify(database, [checkpoints], key))


def test_reordered_entries_are_found(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    write(database, 6)
    tamper(
        database,
        "UPDATE audit_log SET seq = 99 WHERE seq = 3",
        "UPDATE audit_log SET seq = 3 WHERE seq = 4",
        "UPDATE audit_log SET seq = 4 WHERE seq = 99",
    )
    said = messages(verify(database, [checkpoints], key))
    assert "Entry 3" in said
    assert "Entry 4" in said


def test_exchanged_contents_of_two_entries_are_found(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    write(database, 6)
    tamper(
        database,
        "UPDATE audit_log_contents SET seq = 99 WHERE seq = 3",
        "UPDATE audit_log_contents SET seq = 3 WHERE seq = 4",
        "UPDATE audit_log_contents SET seq = 4 WHERE seq = 99",
    )
    result = verify(database, [checkpoints], key)
    assert [problem.seq for problem in result.problems] == [3, 4]


def rewrite(database: Database, until: int) -> None:
    """Cut the log after `until`, change its last entry, and make the whole chain hold again."""
    with database.across_tenants("an attacker with the database") as tx:
        tx.delete(audit_log, audit_log.c.seq > until)
        tx.delete(audit_log_contents, audit_log_contents.c.seq > until)
        row = tx.one(audit_log, audit_log.c.seq == until)
        assert row is not None
        content = canonical_json.encode({"number": "forged"})
        fields: dict[str, Any] = {
            "previous": row.previous,
            "seq": row.seq,
            "at": row.at,
            "tenant_id": row.tenant_id,
            "event": row.event,
            "subject": row.subject,
            "actor": row.actor,
            "commitment": compute_commitment(b"salt", content),
        }
        hash_ = hash_entry(ChainedFields(**fields))
        tx.update(audit_log, audit_log.c.seq == until, commitment=fields["commitment"], hash=hash_)
        tx.update(audit_log_contents, audit_log_contents.c.seq == until, salt=b"salt", content=content)
    tamper(database, f"UPDATE audit_log_head SET seq = {until}, hash = '{hash_}'")


def test_a_truncated_and_rebuilt_log_is_found_by_its_checkpoints(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    write(database, 6)
    CheckpointWriter(database, key, [checkpoints]).write()
    rewrite(database, 4)
    assert verify(database, [], key).ok
    assert "covers entry 6, but the log ends at entry 4" in messages(verify(database, [checkpoints], key))


def test_an_entry_forged_with_its_chain_is_found_by_its_checkpoints(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    write(database, 6)
    CheckpointWriter(database, key, [checkpoints]).write()
    rewrite(database, 6)
    assert verify(database, [], key).ok
    assert "Entry 6 differs from its signed checkpoint" in messages(verify(database, [checkpoints], key))


def test_a_checkpoint_signed_by_another_key_is_found(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey, tmp_path: Path
) -> None:
    write(database, 3)
    (tmp_path / "other").mkdir()
    CheckpointWriter(database, CheckpointKey.load(tmp_path / "other"), [checkpoints]).write()
    assert "not signed by the key of this gateway" in messages(verify(database, [checkpoints], key))


def test_an_edited_checkpoint_and_an_unreadable_line_are_found(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey, tmp_path: Path
) -> None:
    write(database, 3)
    CheckpointWriter(database, key, [checkpoints]).write()
    path = tmp_path / "checkpoints" / "checkpoints.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"seq":3', b'"seq":2') + b"nonsense\n\xff\n")
    said = messages(verify(database, [checkpoints], key))
    assert "not signed" in said
    assert "Line 2 of checkpoints.jsonl is not a checkpoint." in said
    assert "Line 3" in said


def test_a_checkpoint_after_a_truncated_line_is_read(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoints" / "checkpoints.jsonl"
    path.write_bytes(b'{"seq":1,"ha')
    write(database, 2)
    CheckpointWriter(database, key, [checkpoints]).write()
    result = verify(database, [checkpoints], key)
    assert result.checkpoints == 1
    assert [problem.message for problem in result.problems] == [
        "Line 1 of checkpoints.jsonl is not a checkpoint."
    ]


def test_a_backup_verifies_if_its_checkpoints_were_copied_before_its_database(
    tmp_path: Path, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    """The order of the copies in docs/operations.md, while the gateway goes on."""
    live = Database(f"sqlite:///{tmp_path}/db.sqlite3")
    migrate(live)
    write(live, 1)
    CheckpointWriter(live, key, [checkpoints]).write()
    shutil.copytree(tmp_path / "checkpoints", tmp_path / "copied_first")
    write(live, 1)
    CheckpointWriter(live, key, [checkpoints]).write()
    with (
        closing(sqlite3.connect(tmp_path / "db.sqlite3")) as source,
        closing(sqlite3.connect(tmp_path / "copy.sqlite3")) as target,
    ):
        source.backup(target)
    write(live, 1)
    CheckpointWriter(live, key, [checkpoints]).write()
    copy = Database(f"sqlite:///{tmp_path}/copy.sqlite3")
    assert verify(copy, [FileCheckpointStore(tmp_path / "copied_first")], key).ok
    assert "covers entry 3, but the log ends at entry 2" in messages(verify(copy, [checkpoints], key))


def test_checkpoints_are_written_only_if_the_log_has_grown(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    writer = CheckpointWriter(database, key, [checkpoints])
    assert writer.write() is None
    write(database, 1)
    assert writer.write() is not None
    assert writer.write() is None
    assert len(list(checkpoints.read())) == 1


def test_a_started_writer_writes_a_checkpoint_at_once(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    write(database, 2)
    stopping = threading.Event()
    writer = CheckpointWriter(database, key, [checkpoints], interval_s=3600, stopping=stopping)
    writer.part.start()
    while not list(checkpoints.read()):
        time.sleep(0.005)
    stopping.set()
    writer.part.join(60)
    assert verify(database, [checkpoints], key).last_signed_seq == 2


def test_no_entry_follows_the_last_checkpoint(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    writer = CheckpointWriter(database, key, [checkpoints])
    write(database, 2)
    with closing(Database(database.url)) as other:
        with writer.closed_log() as checkpoint:
            late = threading.Thread(target=write, args=(other, 1), daemon=True)
            late.start()
            late.join(0.3)
            assert checkpoint is not None
            assert checkpoint.seq == 2
            assert verify(database, [checkpoints], key).entries == 2
        late.join(60)


def test_checkpoints_in_an_object_store_count_like_those_in_a_folder(
    database: Database, key: CheckpointKey, s3: Any, tmp_path: Path
) -> None:
    places = [
        ObjectCheckpointStore(s3.bucket(), options=s3.options),
        ObjectCheckpointStore((tmp_path / "away").as_uri()),
    ]
    write(database, 3)
    CheckpointWriter(database, key, places).write()
    CheckpointWriter(database, key, places).write()
    rewrite(database, 2)
    for place in places:
        result = verify(database, [place], key)
        assert result.checkpoints == 1
        assert "covers entry 3" in messages(result)


def test_erasure_keeps_the_chain_valid_and_is_recorded(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    write(database, 5)
    with database.transaction("acme") as tx:
        assert erase_contents(tx, [2, 4, 4], actor="officer", reason="a person asked") == 2
    result = verify(database, [checkpoints], key)
    assert result.problems == ()
    assert (result.entries, result.erased) == (6, 2)
    found = {entry.seq: entry.content for entry in read_entries(database)}
    assert found[2] is None
    assert found[3] == {"number": 2}
    assert found[6] == {"seqs": [2, 4], "reason": "a person asked"}
    with database.across_tenants("looking", readonly=True) as tx:
        row = tx.one(audit_log_contents, audit_log_contents.c.seq == 2)
    assert row is not None
    assert bytes(row.salt) == b""


def test_erasure_entries_and_entries_of_other_tenants_cannot_be_erased(database: Database) -> None:
    write(database, 2)
    write(database, 1, tenant="other")
    with database.transaction("acme") as tx:
        erase_contents(tx, [1], actor="officer", reason="asked")
    for seq in (3, 4, 99):
        with database.transaction("acme") as tx, pytest.raises(BadInput):
            erase_contents(tx, [seq], actor="officer", reason="asked")


def test_the_history_of_a_subject_is_visible_to_its_tenant_only(database: Database) -> None:
    write(database, 2)
    write(database, 2, tenant="other")
    with database.read_transaction("acme") as tx:
        assert [(entry.seq, entry.content) for entry in read_history(tx, "video_1")] == [(2, {"number": 1})]


def test_concurrent_processes_append_to_one_chain(
    database_url: str, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    code = """
import sys
from safelight.store.database import Database
database = Database(sys.argv[1])
for number in range(40):
    with database.transaction(sys.argv[2]) as tx:
        tx.append_audit("x", subject=str(number), actor=sys.argv[2], content={"number": number})
        tx.append_audit("y", subject=str(number), actor=sys.argv[2], content={})
"""
    running = [subprocess.Popen([sys.executable, "-c", code, database_url, name]) for name in ("one", "two")]
    assert [process.wait() for process in running] == [0, 0]
    database = Database(database_url)
    result = verify(database, [checkpoints], key)
    database.close()
    assert result.problems == ()
    assert result.entries == 160


def test_long_logs_are_read_in_pages(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.trust.audit.service._ROWS_PER_PAGE", 7)
    write(database, 20)
    assert verify(database, [checkpoints], key).entries == 20
    tamper(database, "DELETE FROM audit_log WHERE seq IN (7, 8)")
    assert "Entries 7 to 8 are missing." in messages(verify(database, [checkpoints], key))


def test_very_many_problems_are_counted_not_listed(
    database: Database, checkpoints: FileCheckpointStore, key: CheckpointKey
) -> None:
    with database.transaction("acme") as tx:
        for number in range(130):
            tx.append_audit("x", subject=str(number), actor="me", content={})
    tamper(database, "UPDATE audit_log SET actor = 'nobody'")
    result = verify(database, [checkpoints], key)
    assert len(result.problems) == 101
    assert result.problems[-1].message == "There are 30 more problems."


def test_the_key_is_created_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    first = CheckpointKey.load(tmp_path)
    assert CheckpointKey.load(tmp_path).fingerprint == first.fingerprint
    assert CheckpointKey.public(tmp_path / "audit.pub.pem").fingerprint == first.fingerprint
    assert (tmp_path / "audit.pem").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"audit.pem", "audit.pub.pem"}


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


@pytest.mark.parametrize("read", [CheckpointKey.public, lambda path: CheckpointKey.load(path.parent)])
def test_an_invalid_key_file_is_reported(tmp_path: Path, read: Callable[[Path], CheckpointKey]) -> None:
    for name in ("audit.pem", "audit.pub.pem"):
        (tmp_path / name).write_text("not a key")
    with pytest.raises(SettingsError, match="not an Ed25519 key"):
        read(tmp_path / "audit.pub.pem")


def test_the_public_key_cannot_sign(tmp_path: Path) -> None:
    CheckpointKey.load(tmp_path)
    with pytest.raises(ValueError, match="cannot sign"):
        CheckpointKey.public(tmp_path / "audit.pub.pem").sign(seq=1, hash="0", at=1.0)


class TestCommandLine:
    @pytest.fixture
    def arguments(
        self, database_url: str, tmp_path: Path, checkpoints: FileCheckpointStore, key: CheckpointKey
    ) -> list[str]:
        database = Database(database_url)
        write(database, 3)
        CheckpointWriter(database, key, [checkpoints]).write()
        database.close()
        return ["--database", database_url]

    @pytest.fixture
    def copies(self, tmp_path: Path) -> list[str]:
        return [
            "--checkpoints",
            str(tmp_path / "checkpoints"),
            "--public-key",
            str(tmp_path / "keys" / "audit.pub.pem"),
        ]

    def run(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
        from typer.main import get_command

        from safelight.cli.audit import app

        code = get_command(app).main(args=list(arguments), prog_name="audit", standalone_mode=False)
        return code, capsys.readouterr().out

    def test_the_command_reports_an_intact_log(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str], copies: list[str]
    ) -> None:
        code, said = self.run(capsys, "verify", *arguments, *copies)
        assert code == 0
        assert "The log is valid (3 entries" in said
        code, said = self.run(capsys, "verify", *arguments, *copies, "--json")
        assert msgspec.json.decode(said)["last_signed_seq"] == 3

    def test_the_command_exits_with_3_for_a_changed_log(
        self,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        copies: list[str],
        database_url: str,
    ) -> None:
        database = Database(database_url)
        tamper(database, "UPDATE audit_log SET actor = 'nobody' WHERE seq = 2")
        database.close()
        code, said = self.run(capsys, "verify", *arguments, *copies)
        assert code == 3
        assert "Entry 2 was changed after it was written." in said

    def test_entries_are_shown_with_their_content(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str]
    ) -> None:
        code, said = self.run(capsys, "show", "--after", "1", "--limit", "1", *arguments)
        assert code == 0
        assert "video.moved  video_1  by jobs" in said
        _, said = self.run(capsys, "show", "--json", *arguments)
        assert [entry["seq"] for entry in msgspec.json.decode(said)["entries"]] == [1, 2, 3]
