"""A seal: what was put into one delivered file, and how the file can be identified."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
    #: Content of the manifest's assertion `safelight.verdict`, and the fingerprint of the signing
    #: certificate.
    facts: Mapping[str, Any] = field(default_factory=dict)
