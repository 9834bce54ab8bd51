"""The data directory of an installation: its folders, its lock, and the cleaning at start."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from safelight.core.disk import as_storage_full, require_space
from safelight.core.errors import DataDirectoryBusy, SettingsError, Unavailable


class DataDirectory:
    """The folder with `db.sqlite3`, `blobs/`, `keys/`, `checkpoints/`, `scratch/` and `run/`, created if
    missing.

    Only the owner of the folder can read it. `lock` gives this process exclusive use until `close`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None
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
