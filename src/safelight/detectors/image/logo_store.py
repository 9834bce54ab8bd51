"""Enrolled marks: brands, logos and characters of the operator's, one file each in a folder."""

from __future__ import annotations

import contextlib
import os
import re
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.errors import InvalidField, NotFound
from safelight.fileio import write_atomic
from safelight.policy.categories import Category

SUFFIX = ".mark"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_WORD = re.compile(r"[^\W_]", re.UNICODE)
MOST_VIEWS = 16


class MarkKind(StrEnum):
    BRAND = "brand"
    CHARACTER = "character"

    @property
    def category(self) -> str:
        return (Category.IP_BRAND if self is MarkKind.BRAND else Category.IP_CHARACTER).value


class LogoView(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a mark: what `matching` made of it."""

    #: Keypoints as float32 (n, 4): x, y in parts of the template, size likewise, angle in degrees.
    points: bytes
    #: Their descriptors, uint8 (n, 128).
    descriptors: bytes
    #: The template, grey, uint8, of this width and height.
    template: bytes
    width: int
    height: int

    def point_rows(self) -> npt.NDArray[np.float32]:
        return np.frombuffer(self.points, np.float32).reshape(-1, 4)

    def descriptor_rows(self) -> npt.NDArray[np.uint8]:
        return np.frombuffer(self.descriptors, np.uint8).reshape(-1, 128)

    def template_rows(self) -> npt.NDArray[np.uint8]:
        return np.frombuffer(self.template, np.uint8).reshape(self.height, self.width)


class EnrolledLogo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: MarkKind
    #: What is printed where the mark is written out.
    words: tuple[str, ...]
    at: float
    views: tuple[LogoView, ...]


class Marks:
    """The marks of one folder. Reading sees every change at once; writing replaces whole files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: tuple[tuple[tuple[str, int, int], ...], tuple[EnrolledLogo, ...]] = ((), ())

    def all(self) -> tuple[EnrolledLogo, ...]:
        """Every mark, in order of name."""
        stamp = self._stamp()
        if stamp != self._read[0]:
            found = tuple(
                msgspec.msgpack.decode(Path(path).read_bytes(), type=EnrolledLogo) for path, _, _ in stamp
            )
            self._read = (stamp, found)
        return self._read[1]

    def put(self, mark: EnrolledLogo) -> None:
        """Keep a mark, in place of one of that name."""
        path = self._path(mark.name)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, msgspec.msgpack.encode(mark))

    def remove(self, name: str) -> EnrolledLogo:
        """Take a mark away. Raises `NotFound`."""
        path = self._path(name)
        if not path.is_file():
            known = ", ".join(mark.name for mark in self.all()) or "none"
            raise NotFound(f"There is no mark {name!r}; there are: {known}.")
        mark = msgspec.msgpack.decode(path.read_bytes(), type=EnrolledLogo)
        path.unlink()
        return mark

    def _path(self, name: str) -> Path:
        return self.folder / f"{check_name(name)}{SUFFIX}"

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    known = entry.stat()
                    found.append((entry.path, known.st_mtime_ns, known.st_size))
        return tuple(sorted(found))


def check_name(name: str) -> str:
    """The name of a mark or list, or `InvalidField`."""
    if not _NAME.fullmatch(name):
        raise InvalidField(
            f"{name!r} is no name for a mark.", param="name", remedy="Use a-z, digits and hyphens."
        )
    return name


def check_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words of a mark, each with at least two letters or digits, or `InvalidField`."""
    for word in words:
        if len(_WORD.findall(word)) < 2 or len(word) > 80:
            raise InvalidField(
                f"{word!r} is no word to look for: at least two letters, at most 80.", param="word"
            )
    return words
