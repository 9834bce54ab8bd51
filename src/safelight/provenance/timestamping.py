"""Adds the confirmed time to signed manifests: at the seal, or later to the copy in the registry."""

from __future__ import annotations

import datetime as dt
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.errors import InvalidMedia, SandboxCrashed, SandboxFailed
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Limits, Sandbox

from . import worker
from .timestamp_authority import TimestampAuthority, TimestampMissing

_LIMITS = Limits(wall_s=120.0, cpu_s=120, memory_bytes=2 << 30, file_bytes=1 << 20, open_files=64)


@dataclass(frozen=True, kw_only=True)
class TimestampedManifest:
    """A manifest with a timestamp. It has the same length as before, and its signature is the same."""

    manifest: bytes
    at: dt.datetime


class Timestamper:
    """Asks the authority from this process. Manifests are read and changed in a sandboxed child."""

    def __init__(self, *, sandbox: Sandbox, authority: TimestampAuthority) -> None:
        self._sandbox = sandbox
        self._authority = authority

    @property
    def host(self) -> str:
        return self._authority.host

    def confirm(self, manifest: bytes, anchors: str, file: Path | None = None) -> TimestampedManifest:
        """The manifest with a timestamp. With the `file` it belongs to, the result is validated under
        `anchors`, our own roots.

        Raises `TimestampMissing`.
        """
        message = self._child(worker.timestamp_message, {"manifest": manifest})
        if not isinstance(message, bytes):
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.")
        timestamp = self._authority.confirm(message)
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
                EntryPoint.of(function), argument, reads=[file.resolve()] if file else [], limits=_LIMITS
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
