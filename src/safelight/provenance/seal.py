"""A seal: what was put into one delivered file, and how the file can be known again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Seal:
    video_id: str
    #: Of the sealed file, and of the bytes that were judged and then sealed; hex.
    sha256: str
    source_sha256: str
    sealed_at: dt.datetime
    #: The C2PA manifest store as embedded, so that it can be found again for a copy that lost it.
    manifest: bytes
    #: What the manifest says in `safelight.verdict`, and the signing certificate's fingerprint.
    facts: Mapping[str, Any] = field(default_factory=dict)
