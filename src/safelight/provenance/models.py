"""Types of a verification: the state of a manifest, its signer, the evidence, and the whole result."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

#: The note of a report whose certificate cannot be checked, because the list of revoked ones cannot be read.
NO_REVOCATIONS = "revocations"


class ManifestState(StrEnum):
    """Validity of a manifest. Only `trusted` proves the signer."""

    #: The seal is intact, and its signer is trusted.
    TRUSTED = "trusted"
    #: The seal is intact, but its signer is unknown: anyone could have made it.
    VALID = "valid"
    #: The file or its manifest was changed, or the certificate is invalid.
    INVALID = "invalid"
    ABSENT = "absent"
    #: The file could not be read.
    UNREADABLE = "unreadable"


class SignerTrust(StrEnum):
    OWN = "this installation"
    CONFIGURED = "a trusted signer"
    UNKNOWN = "unknown"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence, such as the manifest: what it states, proves and does not prove."""

    kind: str
    says: str
    proves: str
    does_not_prove: str


class ManifestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the sandboxed child read from the manifest. The fields are unproven claims unless `state` is
    `trusted`.
    """

    state: ManifestState
    media_type: str = ""
    #: Whether the manifest comes from a separate file.
    in_sidecar: bool = False
    trusted_by: str = ""
    issuer: str = ""
    common_name: str = ""
    serial: str = ""
    signed_at: str = ""
    #: Whether the manifest has a timestamp for this signature, and whether its authority is trusted.
    has_timestamp: bool = False
    time_trusted: bool = False
    #: Since when the certificate is revoked here; empty if it is not, or if the signature is proven older.
    revoked_since: str = ""
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
    """The origin of a file: a summary and the evidence."""

    state: ManifestState
    signer: SignerTrust
    #: The summary, in one or two plain sentences.
    answer: str
    evidence: tuple[Evidence, ...]
    sha256: str
    #: Whether the registry has exactly these bytes; None if no registry was searched, or if
    #: its entry is damaged.
    registered: bool | None
    #: From the registry, or else from a trusted manifest of this installation; empty if neither names a
    #: video.
    video_id: str
    reading: ManifestReport
