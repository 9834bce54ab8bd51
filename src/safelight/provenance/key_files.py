"""The PEM files of signing keys: checked reading and atomic writing."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safelight.errors import ConfigurationError
from safelight.fileio import write_atomic, write_once

from .certificates import Issued

_log = logging.getLogger(__name__)

#: Remedy for a damaged file of the operator: Safelight never creates one in its place.
CONFIGURED_REMEDY = "Set sealing.key and sealing.chain to an unencrypted P-256 key and its chain, both PEM."
_OWN_REMEDY = (
    "Restore it from a backup. Without one, move it away and let Safelight create a new one; keep "
    "anchors/, so that old seals are still recognized."
)


def read_own_key(path: Path, *, if_copied: str) -> tuple[Issued, list[x509.Certificate]]:
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


def readable_certificates(paths: Iterable[Path]) -> list[x509.Certificate]:
    """The certificates in these files. A file that cannot be read is logged and left out, so that seals
    under the others are still recognized.
    """
    found: list[x509.Certificate] = []
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


def parse_certificates(path: Path, data: bytes, remedy: str) -> list[x509.Certificate]:
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
