"""Free disk space: required before a write, and the error when it runs out."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from safelight.errors import StorageFull

#: Kept free for the database, the log and the system: below this nothing more is stored.
RESERVE_BYTES = 64 * 1024 * 1024

_REMEDY = "Free some space, or move the data directory to a larger disk."
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def require_space(folder: Path, bytes_: int = 0, *, reserve: int = RESERVE_BYTES) -> None:
    """Raise `StorageFull` unless `bytes_` more fit below `folder` and leave the reserve."""
    free = shutil.disk_usage(folder).free
    if free < bytes_ + reserve:
        raise StorageFull(
            f"The disk is full: {free // 2**20} MB free, {(bytes_ + reserve) // 2**20} MB needed.",
            remedy=_REMEDY,
        )


def storage_full(error: OSError) -> StorageFull | None:
    """Our word for an error that means "no room", or None for any other."""
    return StorageFull("The disk is full.", remedy=_REMEDY) if error.errno in _FULL else None
