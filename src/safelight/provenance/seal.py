"""A seal: what was put into one delivered file, and how the file can be identified."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Seal:
    video_id: str
    #: Of the sealed file, and of the bytes that were evaluated and then sealed; hex.
    sha256: str
    source_sha256: str
    sealed_at: dt.datetime
    #: The embedded C2PA manifest store, to find it for a copy that lost it.
    manifest: bytes
    #: The claim `safelight.verdict` of the manifest, and the signing certificate's fingerprint.
    facts: Mapping[str, Any] = field(default_factory=dict)
