"""Free disk space: checked before a write, and the error for a full disk."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from .errors import StorageFull

#: Bytes that stay free for the database, the logs and the system. If less is free, no file is stored.
MIN_FREE_BYTES = 64 * 1024 * 1024

_REMEDY = "Free some space, or move the data directory to a larger disk."
_DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def require_space(folder: Path, bytes_: int = 0, *, reserve: int = MIN_FREE_BYTES) -> None:
    """Raise `StorageFull` unless `folder` has space for `bytes_` bytes plus a reserve of `reserve` bytes."""
    free = shutil.disk_usage(folder).free
    if free < bytes_ + reserve:
        raise StorageFull(
            f"The disk is full: {free // 2**20} MB free, {(bytes_ + reserve) // 2**20} MB needed.",
            remedy=_REMEDY,
        )


def as_storage_full(error: OSError) -> StorageFull | None:
    """Convert an `OSError` of a full disk into `StorageFull`; returns None for any other error."""
    return StorageFull("The disk is full.", remedy=_REMEDY) if error.errno in _DISK_FULL_ERRORS else None
