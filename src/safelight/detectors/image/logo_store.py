"""Enrolled marks: brands, logos and characters of the operator's, one file each in a folder."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.detectors.list_folder import FolderStamp, ListFolder
from safelight.errors import InvalidField
from safelight.policy.categories import Category

SUFFIX = ".mark"
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
        self._files = ListFolder(folder, suffix=SUFFIX, noun="mark")
        self._read: tuple[FolderStamp, tuple[EnrolledLogo, ...]] = ((), ())

    def all(self) -> tuple[EnrolledLogo, ...]:
        """Every mark, in order of name."""
        stamp = self._files.stamp()
        if stamp != self._read[0]:
            self._read = (stamp, tuple(_read(self._files.folder / name) for name, _, _ in stamp))
        return self._read[1]

    def check_name(self, name: str) -> None:
        """Raise `InvalidField` for what cannot be the name of a mark."""
        self._files.path(name)

    def put(self, mark: EnrolledLogo) -> None:
        """Keep a mark, in place of one of that name."""
        self._files.write(mark.name, msgspec.msgpack.encode(mark))

    def remove(self, name: str) -> EnrolledLogo:
        """Take a mark away. Raises `NotFound`."""
        path = self._files.existing(name)
        mark = _read(path)
        path.unlink()
        return mark


def _read(path: Path) -> EnrolledLogo:
    return msgspec.msgpack.decode(path.read_bytes(), type=EnrolledLogo)


def check_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words of a mark, each with at least two letters or digits, or `InvalidField`."""
    for word in words:
        if len(_WORD.findall(word)) < 2 or len(word) > 80:
            raise InvalidField(
                f"{word!r} is no word to look for: at least two letters, at most 80.", param="word"
            )
    return words
