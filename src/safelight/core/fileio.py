"""File hashing, and file writes that survive a crash. Standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, hex. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def path_as_text(path: Path, scratch: Path | None = None) -> Iterator[Path]:
    """A path of the file that is Unicode text: its own, or that of a link in a new folder.

    A name can have any bytes, for example those of an old archive, and children get paths as text.
    """
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        if path.is_file():
            with TemporaryDirectory(dir=scratch, prefix="safelight-name-") as folder:
                link = Path(folder) / os.fsencode(path.name).decode("utf-8", "replace")
                link.symlink_to(path.absolute())
                yield link
            return
    yield path


@contextmanager
def atomic_file(path: Path, *, mode: int = 0o600, durable: bool = True) -> Iterator[BinaryIO]:
    """A temporary file to write and read, which is renamed to `path` when the block ends without an error.

    The temporary file is hidden and in the same folder. After an error in the block it is removed, and `path`
    is unchanged. `mode` is subject to the umask. `durable`: flush file and folder to disk, so that after a
    power cut `path` is the old file or the new one.
    """
    part = _part_of(path)
    try:
        with _created(part, mode) as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        part.replace(path)
        if durable:
            sync(path.parent)
    finally:
        _remove(part)


def write_atomic(path: Path, data: bytes | Iterable[bytes], *, mode: int = 0o600) -> None:
    """Write the whole file, or leave `path` unchanged. Raises `OSError`."""
    with atomic_file(path, mode=mode) as file:
        file.writelines([data] if isinstance(data, bytes) else data)


def write_once(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """As `write_atomic`, but never replaces a file. If several processes write `path`, the first one wins."""
    part = _part_of(path)
    try:
        with _created(part, mode) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(part)
            sync(path.parent)
    finally:
        _remove(part)


def replace_durably(part: Path, path: Path) -> None:
    """Rename a finished file in the same folder to `path`; flush the file and the folder to disk."""
    sync(part)
    part.replace(path)
    sync(path.parent)


def append_line(path: Path, line: bytes, *, mode: int = 0o600) -> None:
    """Append a line and flush it to disk. Several processes can do this at the same time.

    If a crash cut off the last line, its missing line end is written first. So the new line stays intact.
    """
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, mode)
    with os.fdopen(descriptor, "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        cut_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        file.write((b"\n" if cut_off else b"") + line + b"\n")
        file.flush()
        os.fsync(descriptor)
    if new:
        sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path, top: Path) -> None:
    """Flush a new file and its folders up to `top` to disk."""
    sync(path)
    folder = path.parent
    while True:
        sync(folder)
        if folder == top or folder == folder.parent:
            return
        folder = folder.parent


def _part_of(path: Path) -> Path:
    # Hidden and without the suffix of `path`, so that no reader of the folder takes it for a finished file.
    return path.with_name(f".{secrets.token_hex(8)}.part")


def _created(part: Path, mode: int) -> BinaryIO:
    return os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode), "w+b")


def _remove(part: Path) -> None:
    # Ignore an error of the removal, because it would hide the error that ended the write.
    with suppress(OSError):
        part.unlink()
