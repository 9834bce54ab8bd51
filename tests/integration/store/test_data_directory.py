from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.core.errors import DataDirectoryBusy, SettingsError, Unavailable
from safelight.store.data_directory import DataDirectory, claim_database
from safelight.store.database import Database
from safelight.store.migrations import migrate


def test_all_folders_are_created_and_readable_only_by_the_owner(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data") as data:
        names = {path.name for path in data.path.iterdir()}
        assert names == {"blobs", "keys", "checkpoints", "scratch", "run", "lock"}
        assert all(path.stat().st_mode & 0o077 == 0 for path in (data.path, data.keys, data.blobs, data.run))
        database = Database(data.database_url)
        migrate(database)
        database.close()
        assert (data.path / "db.sqlite3").exists()


def test_a_second_process_is_refused_with_the_id_of_the_first(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, safelight.store.data_directory as d\n"
        "data = d.DataDirectory(pathlib.Path(sys.argv[1])).lock()\n"
        "print('in', flush=True)\n"
        "sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None
    assert other.stdout.readline() == b"in\n"
    with pytest.raises(DataDirectoryBusy, match=f"process {other.pid}") as caught:
        DataDirectory(tmp_path).lock()
    assert caught.value.remedy
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    other.stdin.close()
    with DataDirectory(tmp_path):
        assert (tmp_path / "lock").read_text().strip() == str(os.getpid())


@pytest.mark.both_databases
def test_a_database_belongs_to_the_installation_that_came_first_and_to_all_with_its_keys(
    database: Database, tmp_path: Path
) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    for keys in (first, other):
        keys.mkdir()
    claim_database(database, first)
    claim_database(database, first)
    own = (first / "installation").read_text()
    with pytest.raises(SettingsError, match=own.strip()) as caught:
        claim_database(database, other)
    assert str(other / "installation") in (caught.value.remedy or "")
    (other / "installation").write_text(own)
    claim_database(database, other)


def test_the_lock_holds_within_one_process_too(tmp_path: Path) -> None:
    with DataDirectory(tmp_path) as first:
        assert first.lock() is first
        with pytest.raises(DataDirectoryBusy):
            DataDirectory(tmp_path).lock()


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="cannot be created"):
        DataDirectory(tmp_path / "file" / "data")


def test_scratch_is_emptied_at_start_without_following_links(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    (data.scratch / "job").mkdir()
    (data.scratch / "job" / "part").write_bytes(b"x")
    (data.scratch / "file").write_bytes(b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"x")
    (data.scratch / "link").symlink_to(outside)
    with data:
        assert list(data.scratch.iterdir()) == []
    assert (outside / "kept").exists()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_directory_that_cannot_be_written_is_a_settings_error(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = DataDirectory(tmp_path / "data")

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SettingsError, match=os.strerror(number)):
        directory.lock()


def test_a_directory_inside_that_of_another_installation_is_not_created(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data") as outer:
        (outer.path / "db.sqlite3").touch()
        with pytest.raises(SettingsError, match="would be inside another one"):
            DataDirectory(outer.path / "data")
        assert not (outer.path / "data").exists()


def test_a_directory_that_vanished_or_was_replaced_while_it_is_used_is_said(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data") as data:
        data.check()
        data.path.rename(tmp_path / "gone")
        with pytest.raises(Unavailable, match="removed or replaced"):
            data.check()
        DataDirectory(tmp_path / "data")
        with pytest.raises(Unavailable, match="removed or replaced"):
            data.check()
