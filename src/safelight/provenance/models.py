"""Types of a verification: the state of a manifest, its signer, the evidence, and the whole result."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class ManifestState(StrEnum):
    """How far the manifest holds. Only `trusted` says who made it."""

    #: The seal is whole, and its signer is one we trust.
    TRUSTED = "trusted"
    #: The seal is whole, but anybody could have made it.
    VALID = "valid"
    #: The file or its manifest was changed, or the certificate does not hold.
    INVALID = "invalid"
    ABSENT = "absent"
    #: The file could not be read, so nothing is known.
    UNREADABLE = "unreadable"


class SignerTrust(StrEnum):
    OWN = "this installation"
    CONFIGURED = "a trusted signer"
    UNKNOWN = "unknown"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    kind: str
    says: str
    proves: str
    does_not_prove: str


class ManifestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the child found in the file: claims, until `state` is `trusted`."""

    state: ManifestState
    media_type: str = ""
    trusted_by: str = ""
    issuer: str = ""
    common_name: str = ""
    serial: str = ""
    signed_at: str = ""
    generated_at: str = ""
    source_type: str = ""
    made_with: str = ""
    title: str = ""
    assertions: tuple[str, ...] = ()
    verdict: dict[str, Any] | None = None
    failures: tuple[str, ...] = ()
    note: str = ""
    problem: str = ""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "where does this file come from", in one sentence and in parts."""

    state: ManifestState
    signer: SignerTrust
    #: One or two plain sentences.
    answer: str
    evidence: tuple[Evidence, ...]
    sha256: str
    #: The registry has a row for exactly these bytes; None: it was not asked.
    registered: bool | None
    #: From a trusted manifest of our own, or the registry; else empty.
    video_id: str
    reading: ManifestReport
