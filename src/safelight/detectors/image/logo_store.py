"""Enrolled logos: the operator's brands, logos and characters. Each is one file in a folder."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.errors import InvalidField
from safelight.detectors.list_folder import FolderStamp, ListFolder
from safelight.policy.findings import Category

SUFFIX = ".logo"
_WORD = re.compile(r"[^\W_]", re.UNICODE)
MAX_VIEWS = 16


class LogoKind(StrEnum):
    BRAND = "brand"
    CHARACTER = "character"

    @property
    def category(self) -> str:
        return (Category.IP_BRAND if self is LogoKind.BRAND else Category.IP_CHARACTER).value


class LogoView(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a logo, in the form that `template_matching` compares with images."""

    #: Keypoints as float32 (n, 4): x, y and size as fractions of the template, angle in degrees.
    points: bytes
    #: Descriptors of the keypoints, uint8 (n, 128).
    descriptors: bytes
    #: The template in grey, uint8, with this width and height.
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
    kind: LogoKind
    #: Words that a detector searches for in prompts and OCR text.
    words: tuple[str, ...]
    enrolled_at: float
    views: tuple[LogoView, ...]


class LogoStore:
    """The logos of one folder. Every call reads changed files again; files are replaced atomically."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = ListFolder(folder, suffix=SUFFIX, noun="logo")
        self._read: tuple[FolderStamp, tuple[EnrolledLogo, ...]] = ((), ())

    def all(self) -> tuple[EnrolledLogo, ...]:
        """Every logo, ordered by name."""
        stamp = self._files.stamp()
        if stamp != self._read[0]:
            self._read = (stamp, tuple(_read(self._files.folder / name) for name, _, _ in stamp))
        return self._read[1]

    def check_name(self, name: str) -> None:
        """Raise `InvalidField` if a logo cannot have this name."""
        self._files.path(name)

    def put(self, logo: EnrolledLogo) -> None:
        """Store a logo. It replaces an existing logo of the same name."""
        self._files.write(logo.name, msgspec.msgpack.encode(logo))

    def remove(self, name: str) -> EnrolledLogo:
        """Delete a logo and return it. Raises `NotFound`."""
        path = self._files.existing(name)
        logo = _read(path)
        path.unlink()
        return logo


def _read(path: Path) -> EnrolledLogo:
    return msgspec.msgpack.decode(path.read_bytes(), type=EnrolledLogo)


def check_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words if each has at least two letters or digits. Otherwise raise `InvalidField`."""
    for word in words:
        if len(_WORD.findall(word)) < 2 or len(word) > 80:
            raise InvalidField(
                f"{word!r} is not a searchable word: use two letters or digits or more, up to 80 characters.",
                param="word",
            )
    return words
