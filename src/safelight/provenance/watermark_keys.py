"""Keys of the watermark: one for each epoch, in files outside the database. No function returns a key."""

from __future__ import annotations

import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from safelight.core.errors import ConfigurationError
from safelight.core.fileio import write_once

from .watermark.pattern import derive_seed

_KEY_BYTES = 32
#: Newest epochs whose marks are searched: each costs a search of its own.
MAX_SEARCHED_EPOCHS = 3


@dataclass(frozen=True, kw_only=True)
class WatermarkEpoch:
    """The number of an epoch, and the seed of its pattern, with which its marks can be read and forged."""

    number: int
    seed: bytes


class WatermarkKeys:
    """The keys in one folder: `epoch-N.key`, 64 hexadecimal digits, readable only by the owner."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def current(self) -> WatermarkEpoch:
        """The epoch that marks new files. Creates the first key if there is none."""
        numbers = self._numbers()
        if not numbers:
            try:
                self._create(1)
            except OSError as error:
                raise ConfigurationError(
                    f"The watermark key cannot be created in {self._folder}: {error.strerror}.",
                    remedy="Make the folder writable once, or set sealing.seal to c2pa.",
                ) from error
            numbers = self._numbers()
        return self._epoch(numbers[-1])

    def searched(self) -> tuple[WatermarkEpoch, ...]:
        """The epochs whose marks can be read, the newest first. Creates no key."""
        return tuple(self._epoch(number) for number in self._numbers()[: -MAX_SEARCHED_EPOCHS - 1 : -1])

    def rotate(self) -> int:
        """Create the key of a new epoch, which marks new files from now on. Returns its number."""
        number = max(self._numbers(), default=0) + 1
        self._create(number)
        return number

    def _numbers(self) -> list[int]:
        names = (path.stem.removeprefix("epoch-") for path in self._folder.glob("epoch-*.key"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _create(self, number: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        # Another process may create the first key at the same time: the first one stays.
        write_once(self._path(number), f"{secrets.token_hex(_KEY_BYTES)}\n".encode(), mode=0o600)

    def _epoch(self, number: int) -> WatermarkEpoch:
        path = self._path(number)
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise ConfigurationError(
                    f"The watermark key {path} can be read by other users of this machine.",
                    remedy=f"If no other user had access: chmod 600 '{path}'. Otherwise also run: "
                    "safelight signing rotate-watermark-key",
                )
            key = bytes.fromhex(path.read_text("ascii"))
        except OSError as error:
            raise ConfigurationError(f"The watermark key {path} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise _damaged(path) from error
        if len(key) != _KEY_BYTES:
            raise _damaged(path)
        return WatermarkEpoch(number=number, seed=derive_seed(key, number))

    def _path(self, number: int) -> Path:
        return self._folder / f"epoch-{number}.key"


def _damaged(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"The watermark key {path} is damaged: it must have 64 hexadecimal digits.",
        remedy="Restore it from a backup. Without one, move it away and run: "
        "safelight signing rotate-watermark-key. Marks of its epoch can then no longer be read.",
    )
