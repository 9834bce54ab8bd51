"""The data directory: where everything lies, one process at a time, swept at start."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import IO

from safelight.errors import DataDirectoryBusy, SettingsError

from .disk import require_space


class DataDirectory:
    """A folder with `db.sqlite3`, `blobs/`, `keys/`, `checkpoints/` and `scratch/`, made where missing.

    Only its owner can read it. `lock` makes this process its only user until `close`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None
        try:
            for folder in (self.path, self.blobs, self.keys, self.checkpoints, self.scratch):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The data directory {self.path} cannot be made: {error.strerror}.",
                remedy="Name another with `data` in the settings, or let this user write there.",
            ) from error

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
        """Working files, one folder per job; everything here is gone after a restart."""
        return self.path / "scratch"

    def lock(self) -> DataDirectory:
        """Become the only process on this directory, and empty its scratch folder.

        Raises `DataDirectoryBusy` with the other's process id, and `StorageFull` where the disk is. The
        system lets go of the lock when the process ends, however it ends.
        """
        if self._lock is not None:
            return self
        # Never removed: a new file of this name would be another lock.
        file = (self.path / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            file.close()
            raise DataDirectoryBusy(
                f"The data directory {self.path} is in use by process {holder}.",
                remedy="Stop that one first, or name another directory with `data` in the settings.",
            ) from error
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._lock = file
        try:
            self._sweep()
            require_space(self.path)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Let another process in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> DataDirectory:
        return self.lock()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _sweep(self) -> None:
        for path in self.scratch.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
