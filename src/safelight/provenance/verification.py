"""Verifies files: what a file's manifest claims, whether the manifest is valid, and what it does not
prove.
"""

from __future__ import annotations

import datetime as dt
import logging
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509

from safelight.core.errors import ConfigurationError, InvalidMedia, NotFound, SandboxCrashed, SandboxFailed
from safelight.core.fileio import sha256_file
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox

from . import certificates, messages, worker
from .keys import KeyStore
from .models import NO_REVOCATIONS, Evidence, ManifestReport, ManifestState, SignerTrust, Verification
from .seal import ChangedRow, Seal

_log = logging.getLogger(__name__)

#: IPTC source types of content made fully or partly by a model or program.
GENERATED = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"})
#: A manifest with a long history and thumbnails has a few megabytes.
_MAX_SIDECAR_BYTES = 16 << 20


class Verifier:
    """Reads manifests in a sandboxed child, which trusts our own roots and those in `trust_pem`. No
    network access.
    """

    def __init__(
        self, *, sandbox: Sandbox, keys: KeyStore, trust_pem: str = "", timestamp_pem: str = ""
    ) -> None:
        self._sandbox = sandbox
        self._keys = keys
        self._trust_pem = trust_pem
        self._timestamp_pem = timestamp_pem

    def with_trust_anchors(self, pem: bytes) -> Verifier:
        """A verifier that also trusts these roots (PEM). Raises `ConfigurationError` if they are invalid."""
        try:
            held = x509.load_pem_x509_certificates(pem)
        except ValueError as error:
            raise ConfigurationError(
                "The trusted roots are not certificates in PEM.",
                remedy="Give a file that starts with -----BEGIN CERTIFICATE-----.",
            ) from error
        added = certificates.certificates_pem(held).decode()
        return Verifier(
            sandbox=self._sandbox,
            keys=self._keys,
            trust_pem=self._trust_pem + added,
            timestamp_pem=self._timestamp_pem,
        )

    def verify(
        self,
        path: Path,
        *,
        lookup: Callable[[str], Seal | ChangedRow | None] | None = None,
        sidecar: Path | None = None,
    ) -> Verification:
        """The origin of the file at `path`; `lookup` finds a seal by the file's sha256.

        The manifest is that of the registry, else that in the file, else that in the file `sidecar`.
        Raises `NotFound` or `InvalidMedia` if the file cannot be read. Malformed content does not raise an
        error; `state` reports it.
        """
        try:
            if path.exists() and not path.is_file():
                raise InvalidMedia(f"{path} is not a file.")
            sha256 = sha256_file(path)
        except FileNotFoundError as error:
            raise NotFound(f"{path} does not exist.") from error
        except OSError as error:
            raise InvalidMedia(f"{path} cannot be read: {error.strerror}.") from error
        found = lookup(sha256) if lookup else None
        known = found if isinstance(found, Seal) else None
        reading = self._read(path, known, _read_sidecar(sidecar) if sidecar else None)
        is_damaged = isinstance(found, ChangedRow)
        registered = None if lookup is None or is_damaged else known is not None
        signer = self._signer(reading)
        return Verification(
            state=reading.state,
            signer=signer,
            answer=messages.answer(reading, own=signer is SignerTrust.OWN, known=known),
            evidence=tuple(evidence_of(reading, signer, registered=registered, is_damaged=is_damaged)),
            sha256=sha256,
            registered=registered,
            video_id=_video_id(reading, signer, known),
            reading=reading,
        )

    def claims(self, path: Path) -> dict[str, str | bool]:
        """What a file's manifest claims about its origin, for a record; unproven unless `state` is
        `trusted`.

        Has only `state`, and possibly `note`, if no manifest was read. Malformed content does not raise an
        error.
        """
        reading = self._read(path, None, None)
        told: dict[str, str | bool] = {"state": reading.state.value}
        if reading.state in (ManifestState.ABSENT, ManifestState.UNREADABLE):
            return told | ({"note": reading.note} if reading.note not in ("", "none", "format") else {})
        return told | {
            "claim_generator": reading.made_with,
            "issuer": reading.issuer,
            "signed_at": reading.signed_at,
            "source_type": reading.source_type,
            "says_generated": reading.source_type in GENERATED,
        }

    def _signer(self, reading: ManifestReport) -> SignerTrust:
        if reading.state is not ManifestState.TRUSTED:
            return SignerTrust.UNKNOWN
        is_of_authority = reading.trusted_by == "authority" and self._keys.has_signed_with(reading.serial)
        is_own = reading.trusted_by == "own" or is_of_authority
        return SignerTrust.OWN if is_own else SignerTrust.CONFIGURED

    def _without_revoked(self, reading: ManifestReport) -> ManifestReport:
        """The same report; not trusted if the certificate is on this installation's list, or if the list
        cannot be read.
        """
        if reading.state is not ManifestState.TRUSTED:
            return reading
        try:
            revocation = self._keys.revocations.find(reading.serial)
        except ConfigurationError as error:
            _log.error("No manifest is trusted: %s", error)
            return msgspec.structs.replace(reading, state=ManifestState.VALID, note=NO_REVOCATIONS)
        if revocation is None or not revocation.covers(_confirmed_time(reading)):
            return reading
        since = revocation.since.isoformat()
        return msgspec.structs.replace(reading, state=ManifestState.VALID, revoked_since=since)

    def _read(self, path: Path, known: Seal | None, sidecar: bytes | None) -> ManifestReport:
        anchors = (
            ("own", self._keys.own_roots_pem),
            ("authority", self._keys.authority_roots_pem),
            ("configured", self._trust_pem),
        )
        argument = {
            "path": str(path.absolute()),
            "anchors": [pair for pair in anchors if pair[1]] or [("none", "")],
            "manifest": known.manifest if known else None,
            "sidecar": sidecar,
            "timestamp_anchors": self._timestamp_pem,
        }
        try:
            answer = self._sandbox.run(
                EntryPoint.of(worker.read), argument, reads=[path.absolute()], limits=worker.LIMITS
            )
            return self._without_revoked(msgspec.convert(printable(answer), ManifestReport))
        except msgspec.ValidationError as error:
            raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error
        except (SandboxFailed, InvalidMedia) as error:
            return ManifestReport(
                state=ManifestState.UNREADABLE, note="child", problem=printable(error.message)
            )


def find_sidecar(path: Path) -> Path | None:
    """The manifest next to `path`, by C2PA's convention: the same name, with the ending `.c2pa`."""
    if not path.name:
        return None
    beside = (path.with_suffix(".c2pa"), path.with_name(f"{path.name}.c2pa"))
    return next((one for one in beside if one.is_file() and one != path), None)


def _read_sidecar(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_SIDECAR_BYTES:
            raise InvalidMedia(f"{path} is too large for a manifest.")
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"The manifest {path} cannot be read: {error.strerror}.") from error


def _confirmed_time(reading: ManifestReport) -> dt.datetime | None:
    """The time of the signature, if an authority that is trusted here confirmed it."""
    if not reading.time_trusted:
        return None
    try:
        return dt.datetime.fromisoformat(reading.signed_at)
    except ValueError:
        return None


def _video_id(reading: ManifestReport, signer: SignerTrust, known: Seal | None) -> str:
    if known is not None:
        return known.video_id
    if signer is SignerTrust.OWN and reading.verdict is not None:
        return str(reading.verdict.get("video", ""))
    return ""


def evidence_of(
    reading: ManifestReport, signer: SignerTrust, *, registered: bool | None, is_damaged: bool = False
) -> list[Evidence]:
    """The evidence for a file: its manifest, its row in the registry, and what cannot be checked."""
    found = [Evidence(kind="manifest", **messages.manifest(reading, own=signer is SignerTrust.OWN))]
    if is_damaged:
        found.append(Evidence(kind="registry", **messages.damaged_entry()))
    elif registered is not None:
        found.append(Evidence(kind="registry", **messages.registry(registered)))
    return [*found, Evidence(kind="other watermarks", **messages.other_watermarks())]


def printable(value: Any) -> Any:
    """The same data without control, direction and other invisible characters, because people read it."""
    if isinstance(value, str):
        return "".join(one for one in value if one == " " or unicodedata.category(one)[0] not in "CZ")
    if isinstance(value, dict):
        return {printable(key): printable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [printable(entry) for entry in value]
    return value
