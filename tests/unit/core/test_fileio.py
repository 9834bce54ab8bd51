from __future__ import annotations

import errno
import hashlib
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from safelight.core import fileio


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Writes beyond `size` fail with EFBIG: for the writer the same as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_the_hash_of_a_file(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    assert fileio.sha256_file(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    with pytest.raises(FileNotFoundError):
        fileio.sha256_file(tmp_path / "none")


@pytest.mark.parametrize("data", [b"new", [b"n", b"ew"]])
def test_an_atomic_write_replaces_the_file(tmp_path: Path, data: bytes | list[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a longer old content")
    fileio.write_atomic(path, data)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "part").write_bytes(b"finished")
    fileio.replace_durably(tmp_path / "part", path)
    assert path.read_bytes() == b"finished"
    assert list(tmp_path.iterdir()) == [path]


def test_the_default_mode_is_that_of_a_secret(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        fileio.write_atomic(tmp_path / "secret", b"")
        fileio.write_once(tmp_path / "key", b"")
        fileio.append_line(tmp_path / "log", b"")
        fileio.write_atomic(tmp_path / "report", b"", mode=0o666)
        fileio.write_once(tmp_path / "public", b"", mode=0o644)
    finally:
        os.umask(before)
    modes = {path.name: mode_of(path) for path in tmp_path.iterdir()}
    assert modes == {"secret": 0o600, "key": 0o600, "log": 0o600, "report": 0o644, "public": 0o644}


def test_readers_see_the_old_file_until_the_write_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.list"
    path.write_bytes(b"old")
    with fileio.atomic_file(path) as file:
        file.write(b"new")
        file.seek(0)
        assert file.read() == b"new"
        assert path.read_bytes() == b"old"
        assert list(tmp_path.glob("*.list")) == [path]
    assert path.read_bytes() == b"new"


def test_a_full_disk_or_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def half() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fileio.write_atomic(path, half())
    with files_of_at_most(1000), pytest.raises(OSError) as caught:
        fileio.write_atomic(path, bytes(100_000))
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(FileNotFoundError):
        fileio.write_atomic(tmp_path / "none" / "a", b"")
    with pytest.raises(NotADirectoryError):
        fileio.write_atomic(path / "b", b"")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["write_atomic", "write_once"])
def test_a_full_disk_at_flush_leaves_no_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught:
        getattr(fileio, name)(tmp_path / "a", b"data")
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["write_atomic", "write_once"])
def test_a_read_only_folder_keeps_its_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(b"old")
    tmp_path.chmod(0o555)
    # Root may write everywhere, so the write is done as another user, from inside of the folder.
    code = f"""
import os, pathlib
from safelight.core import fileio

os.chdir({str(tmp_path)!r})
if os.geteuid() == 0:
    os.setuid(65534)
try:
    fileio.{name}(pathlib.Path("a"), b"new")
except PermissionError:
    print("not permitted")
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    tmp_path.chmod(0o700)
    assert done.stdout == "not permitted\n"
    assert (tmp_path / "a").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


@pytest.mark.parametrize("moment", ["while writing", "before the rename"])
def test_a_killed_process_leaves_the_old_file(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    code = f"""
import os, pathlib, signal
from safelight.core import fileio

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if {moment!r} == "before the rename":
    pathlib.Path.replace = die
with fileio.atomic_file(pathlib.Path({str(path)!r})) as file:
    file.write(b"new")
    if {moment!r} == "while writing":
        file.flush()
        die()
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert path.read_bytes() == b"old"


def test_file_and_folder_are_flushed_and_the_folder_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    path = tmp_path / "a"

    def note(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        flushed.append((kind, path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    fileio.write_atomic(path, b"data")
    assert flushed == [("file", False), ("folder", True)]
    flushed.clear()
    with fileio.atomic_file(path, durable=False) as file:
        file.write(b"more")
    assert not flushed
    assert path.read_bytes() == b"more"


def test_of_concurrent_create_calls_the_first_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "key"
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        fileio.write_once(path, b"%d" % number * 1000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = path.read_bytes()
    assert len(data) == 1000
    assert len(set(data)) == 1
    assert list(tmp_path.iterdir()) == [path]
    fileio.write_once(path, b"late")
    assert path.read_bytes() == data


def test_lines_are_appended_after_a_truncated_line_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    fileio.append_line(path, b"one")
    fileio.append_line(path, b"two")
    assert path.read_bytes() == b"one\ntwo\n"
    with path.open("ab") as file:
        file.write(b"thr")
    fileio.append_line(path, b"four")
    assert path.read_bytes() == b"one\ntwo\nthr\nfour\n"


def test_lines_of_concurrent_writers_are_not_mixed(tmp_path: Path) -> None:
    path = tmp_path / "log"

    def write(letter: bytes) -> None:
        for _ in range(20):
            fileio.append_line(path, letter * 5000)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_bytes().splitlines()
    assert len(lines) == 60
    assert {len(line) for line in lines} == {5000}
    assert all(len(set(line)) == 1 for line in lines)


def test_a_new_file_is_flushed_with_every_folder_up_to_the_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"")
    monkeypatch.setattr(fileio, "sync", flushed.append)
    fileio.sync_tree(tmp_path / "a" / "b" / "file", tmp_path)
    assert flushed == [tmp_path / "a" / "b" / "file", tmp_path / "a" / "b", tmp_path / "a", tmp_path]
