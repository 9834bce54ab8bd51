"""A seal: what was put into one delivered file, and how the file can be identified."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from safelight.core import canonical_json

from .fingerprints.clip_fingerprint import ClipFingerprint

#: Name of the watermark and its version, as in the manifest. Another method gets another number. C2PA's list
#: demands that such a name begins with the domain of its publisher, reversed.
WATERMARK_ALGORITHM = "org.safelight.watermark.1"
#: Name of the fingerprint and its version. No manifest contains one.
FINGERPRINT_ALGORITHM = "org.safelight.fingerprint.1"


class MarkState(StrEnum):
    """Whether a delivered file has a watermark, in the words of the record and of the API."""

    READ_BACK = "read back"
    NOT_READABLE = "none (not readable: usually too dark or flat)"
    FORMAT = "none (picture format)"
    NO_TIME = "none (not enough time)"
    FAILED = "none (marking failed)"
    OFF = "none (off)"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The watermark of one delivered file."""

    state: MarkState
    #: The id in hexadecimal digits, and the epoch of the key; None without a mark.
    content_id: str | None = None
    epoch: int | None = None
    algorithm: str = WATERMARK_ALGORITHM


NO_MARK = Mark(state=MarkState.OFF)


@dataclass(frozen=True, kw_only=True)
class Seal:
    video_id: str
    #: `sha256` is the hash of the sealed file, `source_sha256` that of the evaluated file before sealing;
    #: both in hex.
    sha256: str
    source_sha256: str
    sealed_at: dt.datetime
    #: The embedded C2PA manifest store, kept so that it can be found for a copy that lost its manifest.
    manifest: bytes
    #: C2PA's identifier of that manifest, a URN; empty if it is not known.
    manifest_id: str = ""
    #: Content of the manifest's assertion `safelight.verdict`, and the fingerprint of the signing
    #: certificate.
    facts: Mapping[str, Any] = field(default_factory=dict)
    mark: Mark = NO_MARK
    #: Only of a new seal. The registry stores it apart, because it is personal data.
    fingerprint: ClipFingerprint | None = None

    @property
    def binding(self) -> str:
        """Binds the delivered bytes to the evaluated ones, the time, the manifest's id and the mark; stored
        when the file is sealed.

        It finds accidental damage and changes of single values. It is a hash without a key: whoever can write
        to the database can compute it for other values. `manifest` and `facts` are not bound, because a later
        timestamp and an erasure change them; the manifest has a signature of its own.
        """
        mark = self.mark
        return hashlib.sha256(
            canonical_json.encode(
                {
                    "video": self.video_id,
                    "sha256": self.sha256,
                    "source_sha256": self.source_sha256,
                    "sealed_at": self.sealed_at.astimezone(dt.UTC).isoformat(),
                    "manifest_id": self.manifest_id,
                    "mark": [mark.state.value, mark.content_id, mark.epoch, mark.algorithm],
                }
            )
        ).hexdigest()


@dataclass(frozen=True)
class ChangedRow:
    """A row of the registry that was changed after its file was sealed, so that it states nothing."""


def timestamp_facts(authority: str, *, at: dt.datetime | None = None, missing: str = "") -> dict[str, Any]:
    """The entry in a seal's facts on its timestamp: the confirmed time, or why there is none."""
    found = {"at": at.astimezone(dt.UTC).isoformat()} if at else {"missing": missing}
    return {"timestamp": {"authority": authority, **found}}


def lacks_timestamp(facts: Mapping[str, Any]) -> bool:
    """Whether a timestamp was asked for when the file was sealed, and is still missing."""
    timestamp = facts.get("timestamp")
    return isinstance(timestamp, dict) and "missing" in timestamp


class SealRegistry(Protocol):
    """The seals of delivered files of all tenants: anyone who has a file may ask for its origin."""

    def find(self, sha256: str) -> Seal | ChangedRow | None: ...

    def by_sha256(self, sha256: str) -> Seal | None: ...

    def by_mark(self, content_id: str) -> Seal | None: ...

    def by_manifest_id(self, manifest_id: str) -> Seal | None: ...

    def by_video_id(self, video_id: str) -> Seal | None: ...
