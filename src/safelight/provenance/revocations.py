"""The installation's own list of revoked signing certificates, in the folder of the keys."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from safelight.core.errors import ConfigurationError
from safelight.core.fileio import write_atomic

FILE_NAME = "revoked.json"


class Revocation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate whose signatures are not trusted, unless a timestamp proves that they are older."""

    #: Serial number of the certificate, decimal.
    serial: str
    #: From this time on, another person may have had the key.
    since: dt.datetime
    reason: str = ""

    def covers(self, signed_at: dt.datetime | None) -> bool:
        """Whether a signature is affected. `signed_at` is the time that a trusted authority confirmed; None
        without one.
        """
        return signed_at is None or signed_at >= self.since


class RevocationList:
    """Read anew for each use, so that a running process notices changes at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> tuple[Revocation, ...]:
        """Raises `ConfigurationError` if the file is damaged: ignoring it would trust revoked keys."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}.") from error
        try:
            found = msgspec.json.decode(data, type=tuple[Revocation, ...])
        except msgspec.DecodeError as error:
            raise _damaged(self._path, str(error)) from error
        if any(one.since.tzinfo is None for one in found):
            raise _damaged(self._path, "a time has no time zone")
        return found

    def find(self, serial: str) -> Revocation | None:
        """The earliest revocation of the certificate with this serial number."""
        found = [one for one in self.entries() if one.serial == serial]
        return min(found, key=lambda one: one.since, default=None)

    def add(self, revocation: Revocation) -> None:
        entries = (*self.entries(), revocation)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = msgspec.json.format(msgspec.json.encode(entries), indent=2)
        write_atomic(self._path, text + b"\n", mode=0o644)


def _damaged(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The list of revoked certificates {path} is damaged: {reason}.",
        remedy="Restore it from a backup, or correct it: a JSON list with `serial`, `since` and `reason`.",
    )
