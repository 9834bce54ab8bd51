"""Signing keys of one installation: created once, stored on disk and renewed in time.

No public function returns a private key.
"""

from __future__ import annotations

import datetime as dt
import logging
import stat
import threading
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Protocol, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from safelight.core.errors import ConfigurationError
from safelight.core.fileio import write_atomic, write_once

from . import certificates
from .certificates import Issued
from .revocations import FILE_NAME, RevocationList

_log = logging.getLogger(__name__)

Certificates: TypeAlias = list[x509.Certificate]

#: Remedy for a damaged file of the operator: Safelight never creates one in its place.
CONFIGURED_REMEDY = "Set sealing.key and sealing.chain to an unencrypted P-256 key and its chain, both PEM."
_OWN_REMEDY = (
    "Restore it from a backup. Without one, move it away and let Safelight create a new one; keep "
    "anchors/, so that old seals are still recognized."
)
#: Maximum length of the signature input of a claim, in bytes; a real one has about two kilobytes.
_MAX_SIGNED_BYTES = 64 * 1024
#: First bytes of a COSE signature input: a CBOR array of four items whose first item is this text.
_COSE = b"\x84\x6aSignature1"

# The PEM files of signing keys: checked reading and atomic writing.


def read_own_key(path: Path, *, if_copied: str) -> tuple[Issued, Certificates]:
    """The key with its certificate, and the certificates above it.

    Raises `ConfigurationError` if the file is damaged or readable by other users. `if_copied`: what to do if
    another user may have copied it.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(
            f"The key file {path} can be read by other users of this machine.",
            remedy=f"If no other user had access: chmod 600 '{path}'. Otherwise {if_copied}",
        )
    data = read_key_file(path)  # read only once: another process may be replacing the file
    key, chain = parse_key(path, data, _OWN_REMEDY), parse_certificates(path, data, _OWN_REMEDY)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != chain[0].public_key():
        raise damaged_file(path, _OWN_REMEDY)
    return Issued(key=key, certificate=chain[0]), chain[1:]


def read_key_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The key file {path} cannot be read: {error.strerror}.") from error


def readable_certificates(paths: Iterable[Path]) -> Certificates:
    """The certificates in these files. A file that cannot be read is logged and left out, so that seals
    under the others are still recognized.
    """
    found: Certificates = []
    for path in paths:
        try:
            found += parse_certificates(path, read_key_file(path), _OWN_REMEDY)
        except ConfigurationError as error:
            _log.warning("Its certificates are left out: %s", error)
    return found


def parse_key(path: Path, data: bytes, remedy: str) -> object:
    """The private key in the content of `path`. Raises `ConfigurationError` with this remedy."""
    try:
        return serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise damaged_file(path, remedy) from error


def parse_certificates(path: Path, data: bytes, remedy: str) -> Certificates:
    """The certificates in the content of `path`. Raises `ConfigurationError` with this remedy."""
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise damaged_file(path, remedy) from error


def damaged_file(path: Path, remedy: str) -> ConfigurationError:
    return ConfigurationError(
        f"The file {path} does not contain the expected unencrypted PEM.", remedy=remedy
    )


def write_key_file(path: Path, data: bytes, *, replace: bool, mode: int = 0o600) -> None:
    """Writes the file atomically. If `replace` is false, an existing file stays unchanged."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    write = write_atomic if replace else write_once
    write(path, data, mode=mode)


def utc_now() -> dt.datetime:
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


class _KeyFiles(Protocol):
    """The files of one kind of keys: our own, or the operator's."""

    can_renew: bool

    def current(self) -> SigningKey: ...

    def current_serial(self) -> str | None: ...

    def renew(self, *, replace_early_root: bool) -> SigningKey: ...

    def own_roots(self) -> Certificates: ...

    def authority_roots(self) -> Certificates: ...

    def authority_signers(self) -> Collection[str]: ...


class KeyStore:
    """The signing key of this installation, and the root certificates that a verifier must trust."""

    def __init__(self, files: _KeyFiles, revocations: RevocationList) -> None:
        self._files = files
        self.revocations = revocations
        self._lock = threading.Lock()

    @classmethod
    def own(
        cls, directory: Path, *, organization: str, clock: Callable[[], dt.datetime] = utc_now
    ) -> KeyStore:
        """Our own root and signing key in `directory`, created on first use and renewed automatically.

        The root key is stored in `root/` and is read only to issue a signing certificate. Raises
        `ConfigurationError` if files are damaged or readable by other users.
        """
        return cls(_OwnFiles(directory, organization, clock), RevocationList(directory / FILE_NAME))

    @classmethod
    def configured(
        cls,
        *,
        key: Path,
        chain: Path,
        anchors: Path | None = None,
        folder: Path | None = None,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> KeyStore:
        """A key store from the operator's PEM files: a P-256 key, and the chain, signing certificate
        first. `anchors` has the trusted root certificates; by default the chain's last certificate.

        `folder` is the folder of the installation's keys, by default that of the key. It has the list of
        revoked certificates; `signers/`, which keeps each signing certificate that was configured, because
        their root may sign for others too; and `anchors/`, the installation's own roots from before.

        Raises `ConfigurationError` if certificates cannot be read. A key that cannot sign is an error of
        `signing` only, so that files can be verified without it.
        """
        folder = folder or key.parent
        files = _ConfiguredFiles(key, chain, anchors, folder, clock)
        return cls(files, RevocationList(folder / FILE_NAME))

    def has_signed_with(self, serial: str) -> bool:
        """Whether the certificate with this serial number, under a root in `authority_roots_pem`, is our
        own. The root of an authority signs for others too.
        """
        with self._lock:
            return serial in self._files.authority_signers()

    def signing(self) -> SigningKey:
        """The current signing key. Raises `ConfigurationError` if it cannot be read, or if its certificate is
        revoked, expired or not valid yet.
        """
        with self._lock:
            held = self._files.current()
        if self.revocations.find(held.serial) is not None:
            raise ConfigurationError(
                f"The signing certificate {held.serial} is on the list of revoked certificates.",
                remedy="Configure another key and certificate, or run: safelight signing rotate",
            )
        return held

    @property
    def current_serial(self) -> str | None:
        """Serial number of the current certificate, also if nothing can be signed with it; None if there is
        none that can be read. Creates no key.
        """
        with self._lock:
            return self._files.current_serial()

    @property
    def can_rotate(self) -> bool:
        """Whether the keys are our own, and not the operator's."""
        return self._files.can_renew

    def rotate(self, *, replace_early_root: bool = False) -> SigningKey:
        """A new signing key under our own root, which a running process uses for the next seal.

        `replace_early_root`: also make a new root if it is not valid yet, because it was issued while the
        clock was ahead. Raises `ConfigurationError` without it if the root is not valid yet, or if the key is
        the operator's.
        """
        with self._lock:
            return self._files.renew(replace_early_root=replace_early_root)

    @property
    def anchors_pem(self) -> str:
        """All root certificates under which this installation has sealed, old ones included, as PEM.

        Does not create keys.
        """
        return self.own_roots_pem + self.authority_roots_pem

    def create_anchors_pem(self) -> str:
        """As `anchors_pem`, but creates the keys if there are none."""
        if not self.anchors_pem:
            self.signing()
        return self.anchors_pem

    @property
    def own_roots_pem(self) -> str:
        """The roots that signed for this installation only."""
        with self._lock:
            roots, shared = self._files.own_roots(), self._files.authority_roots()
        # An authority's root does not become our own if its file is in the folder of our roots.
        return certificates.certificates_pem([root for root in roots if root not in shared]).decode()

    @property
    def authority_roots_pem(self) -> str:
        """The operator's roots, which may sign for others too; empty without a configured key."""
        with self._lock:
            return certificates.certificates_pem(self._files.authority_roots()).decode()


class _OwnFiles:
    """The key files in one directory.

    `root/root.pem` has the root's key and certificate, `signing.pem` the signing key and its chain, and
    `anchors/` all root certificates, old ones included.
    """

    can_renew = True

    def __init__(self, directory: Path, organization: str, clock: Callable[[], dt.datetime]) -> None:
        self._directory = directory
        self._organization = organization
        self._clock = clock
        self._held: SigningKey | None = None
        self._version: int | None = None

    def current(self) -> SigningKey:
        # Another process may have replaced the file: `safelight signing rotate`.
        if (
            self._held is None
            or self._version != self._file_version()
            or self._must_renew(self._held.certificate)
        ):
            self._held = self._load_or_issue()
            self._version = self._file_version()
        self._require_started(self._held.certificate, self._signing)
        return self._held

    def current_serial(self) -> str | None:
        # The certificate only: a key that others could read must be revocable.
        found = readable_certificates([self._signing] if self._signing.exists() else [])
        return str(found[0].serial_number) if found else None

    def renew(self, *, replace_early_root: bool) -> SigningKey:
        return self._issue(self._root(replace_early=replace_early_root))

    def _file_version(self) -> int | None:
        try:
            return self._signing.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    @property
    def _signing(self) -> Path:
        return self._directory / "signing.pem"

    def own_roots(self) -> Certificates:
        return _own_roots(self._directory)

    def authority_roots(self) -> Certificates:
        return []

    def authority_signers(self) -> Collection[str]:
        return ()

    def _must_renew(self, leaf: x509.Certificate) -> bool:
        """Whether to renew the certificate: from one twelfth of `LEAF_USE` before its end, as a margin for
        downtime and wrong clocks.
        """
        return self._clock() >= certificates.not_after(leaf) - certificates.LEAF_USE / 12

    def _require_started(self, certificate: x509.Certificate, path: Path) -> None:
        """Raises `ConfigurationError` if the certificate is not valid yet. It is not replaced automatically:
        if the clock is behind, as after a start in 1970, the root that others trust would be lost.
        """
        problem = certificates.early_problem(certificate, now=self._clock())
        if problem is not None:
            raise ConfigurationError(f"{path}: {problem[0]}", remedy=problem[1])

    def _load_or_issue(self) -> SigningKey:
        if self._signing.exists():
            serial = self.current_serial() or "SERIAL"
            revoke = f"run: safelight signing revoke {serial} --since DAY. This makes a new key."
            issued, above = read_own_key(self._signing, if_copied=revoke)
            if not self._must_renew(issued.certificate):
                return SigningKey(issued, *above)
        return self._issue(self._root())

    def _issue(self, root: Issued) -> SigningKey:
        leaf = certificates.issue_leaf(root, self._organization, now=self._clock())
        write_key_file(self._signing, leaf.pem(root.certificate), replace=True)
        return SigningKey(leaf, root.certificate)

    def _root(self, *, replace_early: bool = False) -> Issued:
        path = self._directory / "root" / "root.pem"
        if path.exists():
            held = self._read_root(path)
            if not replace_early:
                self._require_started(held.certificate, path)
            # A root that would expire before a new signing certificate is replaced. The old root stays in
            # `anchors/`.
            now, root = self._clock(), held.certificate
            if root.not_valid_before_utc <= now < root.not_valid_after_utc - certificates.LEAF_LIFE:
                return held
            fresh = certificates.issue_root(self._organization, now=self._clock())
            self._anchor(fresh)
            write_key_file(path, fresh.pem(), replace=True)
            return fresh
        fresh = certificates.issue_root(self._organization, now=self._clock())
        write_key_file(path, fresh.pem(), replace=False)
        held = self._read_root(path)  # another process may have created the root first
        self._anchor(held)
        return held

    def _read_root(self, path: Path) -> Issued:
        issued, _ = read_own_key(
            path,
            if_copied=f"stop Safelight, move {path.parent} away, remove this root's certificate from "
            f"{self._directory / 'anchors'}, and run: safelight signing rotate",
        )
        return issued

    def _anchor(self, root: Issued) -> None:
        name = f"{certificates.fingerprint(root.certificate)[:16]}.pem"
        write_key_file(
            self._directory / "anchors" / name,
            certificates.certificates_pem((root.certificate,)),
            replace=True,
            mode=0o644,
        )


class _ConfiguredFiles:
    """The operator's key and chain, and what the key folder keeps of earlier keys."""

    can_renew = False

    def __init__(
        self, key: Path, chain: Path, anchors: Path | None, folder: Path, clock: Callable[[], dt.datetime]
    ) -> None:
        self._key, self._chain, self._folder, self._clock = key, chain, folder, clock
        self._certificates = parse_certificates(chain, read_key_file(chain), CONFIGURED_REMEDY)
        self._authority_roots = self._certificates[-1:]
        if anchors is not None:
            remedy = "Set sealing.anchors to a file with the root certificates, PEM."
            self._authority_roots = parse_certificates(anchors, read_key_file(anchors), remedy)
        signers = readable_certificates(sorted((folder / "signers").glob("*.pem")))
        self._serials = {str(one.serial_number) for one in signers}
        self._held: SigningKey | None = None
        try:
            self._held = self._load()
        except ConfigurationError:
            pass  # is raised again when a key is needed

    def current(self) -> SigningKey:
        held = self._held = self._held or self._load()
        self._raise(certificates.validity_problem(held.certificate, now=self._clock()))
        return held

    def current_serial(self) -> str:
        return str(self._certificates[0].serial_number)

    def renew(self, *, replace_early_root: bool) -> SigningKey:
        raise ConfigurationError(
            "The signing key is configured, so Safelight cannot replace it.",
            remedy="Set sealing.key and sealing.chain to a new key and certificate, and restart.",
        )

    def own_roots(self) -> Certificates:
        return _own_roots(self._folder)

    def authority_roots(self) -> Certificates:
        return self._authority_roots

    def authority_signers(self) -> Collection[str]:
        return self._serials

    def _load(self) -> SigningKey:
        private, chain = parse_key(self._key, read_key_file(self._key), CONFIGURED_REMEDY), self._certificates
        try:
            problem = certificates.chain_problem(private, chain)
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
            raise damaged_file(self._chain, CONFIGURED_REMEDY) from error
        self._raise(problem)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ConfigurationError(f"{self._key}: not an ES256 key.")
        # Only now: the first certificate of a wrong chain may be that of another signer.
        _keep_signer(self._folder / "signers", chain[0])
        self._serials.add(self.current_serial())
        return SigningKey(Issued(key=private, certificate=chain[0]), *chain[1:])

    def _raise(self, problem: tuple[str, str] | None) -> None:
        if problem is not None:
            raise ConfigurationError(f"{self._chain}: {problem[0]}", remedy=problem[1])


def _keep_signer(folder: Path, current: x509.Certificate) -> None:
    path = folder / f"{certificates.fingerprint(current)[:16]}.pem"
    try:
        if not path.exists():
            write_key_file(path, certificates.certificates_pem((current,)), replace=True, mode=0o644)
    except OSError as error:
        _log.warning("%s cannot be written, so after a renewal its seals are not recognized: %s", path, error)


def _own_roots(folder: Path) -> Certificates:
    """The installation's own roots, which are all in `anchors/`."""
    return readable_certificates(sorted((folder / "anchors").glob("*.pem")))
