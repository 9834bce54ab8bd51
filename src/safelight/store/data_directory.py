"""The data directory of an installation: its folders, its lock, and the cleaning at start."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from safelight.core.disk import as_storage_full, require_space
from safelight.core.errors import DataDirectoryBusy, SettingsError, Unavailable
from safelight.core.fileio import write_once

from .database import Database
from .tables import installation

#: The file in the folder of the keys with the id that `safelight init` also writes into the settings, and the
#: name of the same id in the database.
_MARK = "installation"


def mark_installation(keys: Path) -> str:
    """The id of the installation with this folder of keys. Writes a new one if the folder has none."""
    try:
        if not (keys / _MARK).exists():
            write_once(keys / _MARK, f"{secrets.token_hex(8)}\n".encode())
        return (keys / _MARK).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{keys / _MARK} cannot be written or read: {error}.") from error


def require_installation(keys: Path, expected: str) -> None:
    """Raise `SettingsError` if a folder of keys is not the expected one: not mounted, emptied, another's.

    Otherwise the next start would quietly begin a new installation, whose keys sign nothing that the old ones
    can verify.
    """
    try:
        found = (keys / _MARK).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if expected and found != expected:
        where = keys.absolute()
        raise SettingsError(
            f"The keys of this installation should be in {where}, but they are those of another installation."
            if found
            else f"The keys of this installation should be in {where}, but they are missing.",
            remedy="Mount or restore the folder, or correct `data` in the settings. To begin a new "
            "installation with new keys, first remove `installation` from [storage] in the settings file.",
        )


def claim_database(database: Database, keys: Path) -> None:
    """Give a new database to the installation with this folder of keys, which all of its gateways share.

    Raises `SettingsError` if the database belongs to another one: each would continue videos of the other,
    and could not read what the other has encrypted.
    """
    own = mark_installation(keys)
    with database.across_tenants("the installation of this database") as tx:
        tx.insert_or_ignore(installation, key=_MARK, value=own)
        (row,) = tx.select(installation, installation.c.key == _MARK)
    if row.value != own:
        raise SettingsError(
            f"This database belongs to the installation {row.value}. The keys in {keys} are those of {own}.",
            remedy="Set another `storage.database`, or that installation's keys as `storage.key_dir`. "
            f"If these are lost, write its id into {keys / _MARK}, and as `installation` into [storage].",
        )


class DataDirectory:
    """The folder with `db.sqlite3`, `blobs/`, `keys/`, `checkpoints/`, `scratch/` and `run/`, created if
    missing.

    Only the owner of the folder can read it. `lock` gives this process exclusive use until `close`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None
        if not self.path.exists():
            self._require_no_nesting()
        try:
            for folder in (self.path, self.blobs, self.keys, self.checkpoints, self.scratch, self.run):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable("created", error) from error

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.path / 'db.sqlite3'}"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def blobs_url(self) -> str:
        return self.blobs.as_uri()

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def scratch(self) -> Path:
        """Folder for working files, with one folder per job; emptied at the next start."""
        return self.path / "scratch"

    @property
    def run(self) -> Path:
        """Folder for the socket of the process that holds the lock."""
        return self.path / "run"

    def lock(self) -> DataDirectory:
        """Lock the directory for this process, and empty its scratch folder.

        Raises `DataDirectoryBusy` with the id of the process that holds the lock, `SettingsError` if the
        directory cannot be written, and `StorageFull`. The operating system releases the lock when the
        process ends, also after a crash.
        """
        if self._lock is not None:
            return self
        # The lock file is never deleted, because a new file with the same name would be a different lock.
        try:
            file = (self.path / "lock").open("a+", encoding="ascii")
        except OSError as error:
            raise self._unusable("written", error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            file.close()
            raise DataDirectoryBusy(
                f"The data directory {self.path} is in use by process {holder}.",
                remedy="Stop that process, or set another `data` in the settings.",
            ) from error
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._lock = file
        try:
            self._empty_scratch()
            require_space(self.path)
        except BaseException:
            self.close()
            raise
        return self

    def check(self) -> None:
        """Check that files can be stored. Raises `StorageFull` or `Unavailable`."""
        if self._lock is not None and not self._is_locked_folder():
            raise Unavailable(
                "The data directory has been removed or replaced while this process runs. "
                "Put it back and restart."
            )
        require_space(self.path)
        try:
            # A quota and a read-only file system are found by a write only.
            with tempfile.TemporaryFile(dir=self.scratch) as file:
                file.write(bytes(4096))
                file.flush()
        except OSError as error:
            raise as_storage_full(error) or Unavailable(
                f"The data directory cannot be written: {error.strerror}."
            ) from error

    def close(self) -> None:
        """Release the lock on the directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> DataDirectory:
        return self.lock()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_locked_folder(self) -> bool:
        """Whether the lock file in the folder is the one that this process has locked."""
        assert self._lock is not None
        try:
            there = (self.path / "lock").stat()
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self._lock.fileno()))

    def _require_no_nesting(self) -> None:
        """Raise `SettingsError` if the folder would be created inside the data of an installation."""
        outer = next(
            (one for one in self.path.parents if (one / "db.sqlite3").exists() and (one / "keys").is_dir()),
            None,
        )
        if outer is not None:
            raise SettingsError(
                f"The data directory {self.path} would be inside another one, {outer}.",
                remedy="Start the command in another folder, or set `data` in the settings.",
            )

    def _unusable(self, verb: str, error: OSError) -> SettingsError:
        return SettingsError(
            f"The data directory {self.path} cannot be {verb}: {error.strerror}.",
            remedy="Set another `data` in the settings, or give this user write access.",
        )

    def _empty_scratch(self) -> None:
        for path in self.scratch.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
