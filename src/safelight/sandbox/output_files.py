"""Files that a child is to write: made before it starts, looked at before anybody reads them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from safelight import errors


class Outputs:
    """Use as a context manager: files that are not there are made, and removed again where it fails.

    A path may be a folder that exists: then the child may write anywhere in it.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._made: list[Path] = []

    def check(self) -> None:
        """Raises `ChildCrashed` where something is no plain file: a link may point anywhere."""
        for path in self._paths:
            found = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
            if not all(_plain(one) for one in found):
                raise errors.SandboxCrashed("The sandboxed child left something that is no file of its own.")

    def __enter__(self) -> Outputs:
        for path in self._paths:
            if not path.is_dir() and not os.path.lexists(path):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
                self._made.append(path)
        self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for path in self._made:
                with contextlib.suppress(OSError):
                    path.unlink()


def _plain(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1)
