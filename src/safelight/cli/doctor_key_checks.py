"""The checks of `safelight doctor` on the keys of seals: signing key and watermark key."""

from __future__ import annotations

import datetime as dt
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .doctor_checks import DoctorCheck, DoctorState

if TYPE_CHECKING:
    from safelight.provenance.keys import KeyStore

#: An operator's certificate is reported this long before it expires: issuing one can take weeks.
_RENEW_WITHIN = dt.timedelta(days=30)


def signing(keys: Path, now: dt.datetime) -> DoctorCheck:
    """Check the signing key. The key is only read, neither created nor renewed."""
    from cryptography import x509

    from safelight.provenance import certificates

    path = keys / "signing.pem"
    if not path.exists():
        return DoctorCheck(
            name="signing key", state=DoctorState.OK, message="It is created with the first seal."
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return DoctorCheck(
            name="signing key",
            state=DoctorState.FAILED,
            message=f"Other users of this machine can read {path}.",
            remedy=f"If no other user had access: chmod 600 '{path}'. Otherwise: safelight signing revoke",
        )
    chain = x509.load_pem_x509_certificates(path.read_bytes())
    for certificate in chain:
        problem = certificates.early_problem(certificate, now=now)
        if problem is not None:
            return DoctorCheck(
                name="signing key", state=DoctorState.FAILED, message=problem[0], remedy=problem[1]
            )
    until = certificates.not_after(chain[0])
    if now >= until:
        return DoctorCheck(
            name="signing key",
            state=DoctorState.WARNING,
            message=f"Its use ended on {until:%Y-%m-%d}; it is renewed with the next seal.",
            remedy="If the clock is ahead, correct it first.",
        )
    return DoctorCheck(
        name="signing key", state=DoctorState.OK, message=f"Valid until {until:%Y-%m-%d}, then renewed."
    )


def configured_signing(keys: Callable[[], KeyStore], now: dt.datetime) -> DoctorCheck:
    """Check the operator's signing key and its chain. Raises `ConfigurationError` if they cannot be used."""
    name, until = "signing key", keys().signing().certificate.not_valid_after_utc
    message = f"Valid until {until:%Y-%m-%d}."
    if until - now < _RENEW_WITHIN:
        return DoctorCheck(
            name=name,
            state=DoctorState.WARNING,
            message=message,
            remedy="Renew the certificate: after that day, nothing can be sealed.",
        )
    return DoctorCheck(name=name, state=DoctorState.OK, message=message)


def watermark(keys: Path, *, wanted: bool) -> DoctorCheck:
    """Check the watermark keys. They are only read, not created."""
    from safelight.errors import ConfigurationError
    from safelight.provenance.watermark_keys import WatermarkKeys

    if not wanted:
        return DoctorCheck(
            name="watermark key", state=DoctorState.OK, message="Not needed: “sealing.seal” is “c2pa”."
        )
    try:
        epochs = WatermarkKeys(keys).searched()
    except ConfigurationError as error:
        return DoctorCheck(
            name="watermark key", state=DoctorState.FAILED, message=error.message, remedy=error.remedy or ""
        )
    message = "It can be read." if epochs else "It is created at the first start."
    return DoctorCheck(name="watermark key", state=DoctorState.OK, message=message)
