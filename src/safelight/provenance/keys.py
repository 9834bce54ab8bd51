"""Signing keys of one installation: created once, stored on disk and renewed in time.

No public function returns a private key.
"""

from __future__ import annotations

import datetime as dt
import logging
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from safelight.errors import ConfigurationError
from safelight.fileio import write_atomic, write_once

from . import certificates
from .certificates import Issued
from .revocations import FILE_NAME, RevocationList

_log = logging.getLogger(__name__)

#: Maximum length of the signature input of a claim, in bytes; a real one has about two kilobytes.
_MAX_SIGNED_BYTES = 64 * 1024
#: First bytes of a COSE signature input: a CBOR array of four items whose first item is this text.
_COSE = b"\x84\x6aSignature1"


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class SigningKey:
    """A private key with its certificates. It can sign C2PA claims only."""

    def __init__(self, issued: Issued, *above: x509.Certificate) -> None:
        self._key = issued.key
        self.certificate = issued.certificate
        self.chain_pem = certificates.certificates_pem((issued.certificate, *above)).decode()

    def sign_claim(self, data: bytes) -> bytes:
        """The ES256 signature (r and s, 64 bytes) of a C2PA claim.

        Raises `ValueError` for any other input, so the key cannot be used for anything else.
        """
        if len(data) > _MAX_SIGNED_BYTES or not data.startswith(_COSE):
            raise ValueError("not the claim of a manifest")
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    @property
    def fingerprint(self) -> str:
        return certificates.fingerprint(self.certificate)

    @property
    def serial(self) -> str:
        """Serial number of the certificate, decimal, as in manifests."""
        return str(self.certificate.serial_number)

    @property
    def organization(self) -> str:
        found = self.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return str(found[0].value) if found else ""


class KeyStore:
    """The signing key of this installation, and the root certificates that a verifier must trust."""

    def __init__(
        self,
        current: Callable[[], SigningKey],
        anchors: Callable[[], str],
        *,
        revocations: RevocationList,
        renew: Callable[[], SigningKey] | None = None,
        serials: frozenset[str] | None = None,
    ) -> None:
        self._current = current
        self._anchors = anchors
        self._renew = renew
        self._serials = serials
        self.revocations = revocations
        self._lock = threading.Lock()

    @classmethod
    def own(
        cls, directory: Path, *, organization: str, clock: Callable[[], dt.datetime] = _utc_now
    ) -> KeyStore:
        """Our own root and signing key in `directory`, created on first use and renewed automatically.

        The root key is stored in `root/` and is read only to issue a signing certificate. Raises
        `ConfigurationError` if files are damaged or readable by other users.
        """
        files = _OwnFiles(directory, organization, clock)
        revocations = RevocationList(directory / FILE_NAME)
        return cls(files.current, files.anchors, revocations=revocations, renew=files.renew)

    @classmethod
    def configured(
        cls,
        *,
        key: Path,
        chain: Path,
        anchors: Path | None = None,
        revocations: RevocationList | None = None,
        signers: Path | None = None,
        clock: Callable[[], dt.datetime] = _utc_now,
    ) -> KeyStore:
        """A key store from the operator's PEM files: a P-256 key, and the chain, signing certificate
        first. The list of revoked certificates is in the folder of the key by default.

        `anchors` has the trusted root certificates; by default the chain's last certificate. The folder
        `signers` keeps each signing certificate that was configured, because their root may sign for others
        too. Raises `ConfigurationError` with the reason if C2PA readers would reject the chain.
        """
        private = _key(key, _read(key))
        held = _certificates(chain, _read(chain))
        if found := certificates.chain_problem(private, held, now=clock()):
            reason, remedy = found
            raise ConfigurationError(f"{chain}: {reason}", remedy=remedy)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ConfigurationError(f"{key}: not an ES256 key.")
        trusted = _certificates(anchors, _read(anchors)) if anchors else held[-1:]
        text = certificates.certificates_pem(trusted).decode()
        signing = SigningKey(Issued(key=private, certificate=held[0]), *held[1:])

        def current() -> SigningKey:
            if clock() >= signing.certificate.not_valid_after_utc:
                raise ConfigurationError(
                    f"{chain}: the signing certificate has expired, so no more files can be sealed.",
                    remedy="Renew it and restart.",
                )
            return signing

        held_before = _known_signers(signers, held[0]) if signers is not None else held[:1]
        return cls(
            current,
            lambda: text,
            revocations=revocations or RevocationList(key.with_name(FILE_NAME)),
            serials=frozenset(str(one.serial_number) for one in held_before),
        )

    def has_signed_with(self, serial: str) -> bool:
        """Whether the certificate with this serial number, under one of our roots, is our own. The root of
        an authority signs for others too.
        """
        return self._serials is None or serial in self._serials

    def signing(self) -> SigningKey:
        """The current signing key. Raises `ConfigurationError` if its certificate is revoked."""
        with self._lock:
            held = self._current()
        if self.revocations.find(held.serial) is not None:
            raise ConfigurationError(
                f"The signing certificate {held.serial} is on the list of revoked certificates.",
                remedy="Configure another key and certificate, or run: safelight signing rotate",
            )
        return held

    @property
    def current_serial(self) -> str:
        """Serial number of the current certificate, also if it is revoked."""
        with self._lock:
            return self._current().serial

    @property
    def can_rotate(self) -> bool:
        """Whether the keys are our own, and not the operator's."""
        return self._renew is not None

    def rotate(self) -> SigningKey:
        """A new signing key under our own root, which a running process uses for the next seal.

        Raises `ConfigurationError` if the key is the operator's.
        """
        if self._renew is None:
            raise ConfigurationError(
                "The signing key is configured, so Safelight cannot replace it.",
                remedy="Set sealing.key and sealing.chain to a new key and certificate, and restart.",
            )
        with self._lock:
            return self._renew()

    @property
    def anchors_pem(self) -> str:
        """All root certificates under which this installation has sealed, old ones included, as PEM.

        Does not create keys.
        """
        with self._lock:
            return self._anchors()


class _OwnFiles:
    """The key files in one directory.

    `root/root.pem` has the root's key and certificate, `signing.pem` the signing key and its chain, and
    `anchors/` all root certificates, old ones included.
    """

    def __init__(self, directory: Path, organization: str, clock: Callable[[], dt.datetime]) -> None:
        self._directory = directory
        self._organization = organization
        self._clock = clock
        self._held: SigningKey | None = None
        self._version: int | None = None

    def current(self) -> SigningKey:
        # Another process may have replaced the file: `safelight signing rotate`.
        if self._held is None or self._version != self._file_version() or self._spent(self._held.certificate):
            self._held = self._load_or_issue()
            self._version = self._file_version()
        return self._held

    def renew(self) -> SigningKey:
        return self._issue()

    def _file_version(self) -> int | None:
        try:
            return self._signing.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    @property
    def _signing(self) -> Path:
        return self._directory / "signing.pem"

    def anchors(self) -> str:
        return "".join(one.read_text() for one in sorted((self._directory / "anchors").glob("*.pem")))

    def _spent(self, leaf: x509.Certificate) -> bool:
        """Whether to renew the certificate: from one twelfth of `LEAF_USE` before its end, as a margin for
        downtime and wrong clocks.
        """
        return self._clock() >= certificates.not_after(leaf) - certificates.LEAF_USE / 12

    def _load_or_issue(self) -> SigningKey:
        if self._signing.exists():
            key, chain = _read_private(self._signing)
            if not self._spent(chain[0]):
                return SigningKey(Issued(key=key, certificate=chain[0]), *chain[1:])
        return self._issue()

    def _issue(self) -> SigningKey:
        root = self._root()
        leaf = certificates.issue_leaf(root, self._organization, now=self._clock())
        _write(self._signing, leaf.pem(root.certificate), replace=True)
        return SigningKey(leaf, root.certificate)

    def _root(self) -> Issued:
        path = self._directory / "root" / "root.pem"
        if path.exists():
            held = _read_root(path)
            # A root that would expire before a new signing certificate is replaced. The old root stays in
            # `anchors/`.
            if held.certificate.not_valid_after_utc - self._clock() > certificates.LEAF_LIFE:
                return held
            fresh = certificates.issue_root(self._organization, now=self._clock())
            self._anchor(fresh)
            _write(path, fresh.pem(), replace=True)
            return fresh
        fresh = certificates.issue_root(self._organization, now=self._clock())
        _write(path, fresh.pem(), replace=False)
        held = _read_root(path)  # another process may have created the root first
        self._anchor(held)
        return held

    def _anchor(self, root: Issued) -> None:
        name = f"{certificates.fingerprint(root.certificate)[:16]}.pem"
        _write(
            self._directory / "anchors" / name,
            certificates.certificates_pem((root.certificate,)),
            replace=True,
            mode=0o644,
        )


def _known_signers(folder: Path, current: x509.Certificate) -> list[x509.Certificate]:
    """The signing certificates in `folder`, to which the current one is added."""
    path = folder / f"{certificates.fingerprint(current)[:16]}.pem"
    try:
        if not path.exists():
            _write(path, certificates.certificates_pem((current,)), replace=True, mode=0o644)
    except OSError as error:
        _log.warning("%s cannot be written, so after a renewal its seals are not recognized: %s", path, error)
    stored = [_certificates(one, _read(one)) for one in sorted(folder.glob("*.pem"))]
    return [current, *(one for held in stored for one in held)]


def _read_root(path: Path) -> Issued:
    key, chain = _read_private(path)
    return Issued(key=key, certificate=chain[0])


def _read_private(path: Path) -> tuple[ec.EllipticCurvePrivateKey, list[x509.Certificate]]:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(
            f"The key file {path} can be read by other users of this machine.",
            remedy=f"If no other user had access: chmod 600 '{path}'. Otherwise move the keys folder away, "
            "let Safelight create new keys, and keep its anchors/ so that old seals are still recognized.",
        )
    data = _read(path)  # read only once: another process may be replacing the file
    key, chain = _key(path, data), _certificates(path, data)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != chain[0].public_key():
        raise _damaged(path)
    return key, chain


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The key file {path} cannot be read: {error.strerror}.") from error


def _key(path: Path, data: bytes) -> object:
    try:
        return serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise _damaged(path) from error


def _certificates(path: Path, data: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"The file {path} does not contain the expected unencrypted PEM.",
        remedy="Restore it from a backup. Without one, move it away and let Safelight create a new one; keep "
        "anchors/, so that old seals are still recognized.",
    )


def _write(path: Path, data: bytes, *, replace: bool, mode: int = 0o600) -> None:
    """Writes the file atomically. If `replace` is false, an existing file stays unchanged."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    write = write_atomic if replace else write_once
    write(path, data, mode=mode)
