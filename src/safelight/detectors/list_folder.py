"""Folder of operator lists: one file per list, replaced atomically, read again when a file changes."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.errors import InvalidField, NotFound
from safelight.core.fileio import write_atomic

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


#: Name, modification time in ns and size of every file, ordered by name.
FolderStamp = tuple[tuple[str, int, int], ...]


class ListOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers for a list, where its entries come from, and when a person last reviewed it."""

    owner: str = ""
    source: str = ""
    #: Day of the last review, as in ISO 8601.
    reviewed: str = ""
    #: The list is stale if the last review is more days ago.
    review_days: int = 180


def configured_folder(options: Mapping[str, Any]) -> Path:
    """The folder in the options of a detector. Without one, the name of a folder that does not exist, so that
    no list is found.
    """
    return Path(options.get("folder") or "nowhere")


class ListFolder:
    """All files with the same suffix in one folder. Error messages call such a file a `noun`.

    Files are replaced atomically, so a reader never sees a partly written one.
    """

    def __init__(self, folder: Path, *, suffix: str, noun: str) -> None:
        self.folder = folder
        self._suffix = suffix
        self._noun = noun

    def stamp(self) -> FolderStamp:
        """Names, times and sizes of the files; this value differs whenever a file has changed. Empty if
        the folder does not exist.
        """
        found = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                if entry.name.endswith(self._suffix) and not entry.name.startswith("."):
                    status = entry.stat()
                    found.append((entry.name, status.st_mtime_ns, status.st_size))
        return tuple(sorted(found))

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(name.removesuffix(self._suffix) for name, _, _ in self.stamp()))

    def path(self, name: str) -> Path:
        """The path for the list of this name; the file need not exist. Raises `InvalidField`."""
        if not _NAME.fullmatch(name):
            raise InvalidField(
                f"{name!r} is not a valid name for a {self._noun}.",
                param="name",
                remedy="Use a-z, digits and hyphens, at most 60 characters.",
            )
        return self.folder / f"{name}{self._suffix}"

    def existing(self, name: str) -> Path:
        """The path of an existing list. Raises `NotFound`."""
        path = self.path(name)
        if not path.is_file():
            known = ", ".join(self.names()) or "none"
            raise NotFound(f"There is no {self._noun} {name!r}; there are: {known}.")
        return path

    def remove(self, name: str) -> None:
        """Delete a list and its origin. Raises `NotFound`."""
        self.existing(name).unlink()
        self._origin_path(name).unlink(missing_ok=True)

    def origin(self, name: str) -> ListOrigin:
        """The origin of a list. Without a review, it has the day on which the list was last changed."""
        changed = dt.datetime.fromtimestamp(self.existing(name).stat().st_mtime, dt.UTC).date().isoformat()
        try:
            return msgspec.json.decode(self._origin_path(name).read_bytes(), type=ListOrigin)
        except FileNotFoundError:
            return ListOrigin(reviewed=changed)

    def set_origin(self, name: str, origin: ListOrigin) -> None:
        """Record the origin of an existing list. Raises `NotFound`."""
        self.existing(name)
        write_atomic(self._origin_path(name), msgspec.json.encode(origin))

    def _origin_path(self, name: str) -> Path:
        return self.path(name).with_suffix(".origin.json")

    def write(self, name: str, data: bytes | Iterable[bytes]) -> Path:
        """Write or replace the list of this name."""
        path = self.path(name)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, data)
        return path
