"""Adds the confirmed time to signed manifests: at the seal, or later to the copy in the registry."""

from __future__ import annotations

import datetime as dt
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.errors import InvalidMedia, SandboxCrashed, SandboxFailed
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox

from . import worker
from .keys import utc_now
from .timestamp_authority import Timestamp, TimestampAuthority, TimestampMissing

#: Largest difference between the clocks of this machine and of the authority.
_CLOCK_TOLERANCE = dt.timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class TimestampedManifest:
    """A manifest with a timestamp. It has the same length as before, and its signature is the same."""

    manifest: bytes
    at: dt.datetime


class Timestamper:
    """Asks the authority from this process. Manifests are read and changed in a sandboxed child."""

    def __init__(
        self,
        *,
        sandbox: Sandbox,
        authority: TimestampAuthority,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._sandbox = sandbox
        self._authority = authority
        self._clock = clock

    @property
    def host(self) -> str:
        return self._authority.host

    def confirm(self, manifest: bytes, anchors: str, file: Path) -> TimestampedManifest:
        """The manifest of `file` with a timestamp, which readers with `anchors`, our own roots, accept.

        Raises `TimestampMissing`.
        """
        timestamp = self._authority.confirm(self._signature(manifest).message)
        return self._add(manifest, timestamp, anchors, file)

    def confirm_later(self, manifest: bytes, *, sealed_at: dt.datetime) -> TimestampedManifest:
        """The manifest of a file that was delivered before, with a timestamp.

        No reader can check it without the file. So the confirmed time must be possible: within the validity
        of the certificate, after `sealed_at` and not in the future. Raises `TimestampMissing`.
        """
        signature = self._signature(manifest)
        timestamp = self._authority.confirm(signature.message)
        at, now = timestamp.at, self._clock()
        if not signature.valid_from <= at <= signature.valid_until:
            problem = "when the certificate of the seal is not valid"
        elif at < sealed_at - _CLOCK_TOLERANCE:
            problem = f"before the file was sealed ({sealed_at.isoformat()})"
        elif at > now + _CLOCK_TOLERANCE:
            problem = f"in the future: this machine's clock shows {now.isoformat(timespec='seconds')}"
        else:
            return self._add(manifest, timestamp)
        raise TimestampMissing(
            f"The timestamp authority {self.host} confirms the time {at.isoformat()}, {problem}."
        )

    def _signature(self, manifest: bytes) -> worker.SignatureToConfirm:
        found = self._child(worker.find_signature, {"manifest": manifest})
        try:
            return msgspec.convert(found, worker.SignatureToConfirm)
        except msgspec.ValidationError as error:
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error

    def _add(
        self, manifest: bytes, timestamp: Timestamp, anchors: str = "", file: Path | None = None
    ) -> TimestampedManifest:
        argument = {
            "manifest": manifest,
            "token": timestamp.token,
            "path": str(file.resolve()) if file else None,
            "anchors": anchors,
        }
        changed = self._child(worker.add_timestamp, argument, file)
        if not isinstance(changed, bytes) or len(changed) != len(manifest):
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.")
        return TimestampedManifest(manifest=changed, at=timestamp.at)

    def _child(self, function: Any, argument: dict[str, Any], file: Path | None = None) -> Any:
        try:
            return self._sandbox.run(
                EntryPoint.of(function),
                argument,
                reads=[file.resolve()] if file else [],
                limits=worker.LIMITS,
            )
        except (SandboxFailed, InvalidMedia) as error:
            raise TimestampMissing(f"The timestamp cannot be added to the manifest: {error}") from error


def replace_manifest(file: Path, old: bytes, new: bytes) -> None:
    """Writes `new` in the place of `old`, which has the same length. Raises `TimestampMissing` if the file
    does not contain `old` exactly once.
    """
    with file.open("rb+") as opened, mmap.mmap(opened.fileno(), 0) as data:
        at = data.find(old)
        if len(new) != len(old) or at < 0 or data.find(old, at + 1) >= 0:
            raise TimestampMissing("The manifest cannot be found in the sealed file.")
        data[at : at + len(new)] = new
        data.flush()
