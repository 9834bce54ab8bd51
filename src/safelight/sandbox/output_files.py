"""Output files of a sandboxed child: created before the call, checked before other code reads them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from safelight import errors


class OutputFiles:
    """Context manager: creates missing output files, and removes them if the call fails.

    A path may also be an existing folder; the child may then write to any place in it.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._created: list[Path] = []

    def check(self) -> None:
        """Raises `SandboxCrashed` if an output is a link or a special file.

        A link could point to any file.
        """
        for path in self._paths:
            outputs = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
            if not all(_is_plain(output) for output in outputs):
                raise errors.SandboxCrashed(
                    "The sandboxed child left a link or a special file instead of a regular file."
                )

    def __enter__(self) -> OutputFiles:
        for path in self._paths:
            if not path.is_dir() and not os.path.lexists(path):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
                self._created.append(path)
        self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for path in self._created:
                with contextlib.suppress(OSError):
                    path.unlink()


def _is_plain(path: Path) -> bool:
    """Whether the path is a folder, or a regular file without other hard links."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
