"""Time-based one-time codes of an authenticator (RFC 6238), and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection

import pyotp

#: Seconds of one code. Every authenticator app supports this value; many support no other.
STEP_S = 30
#: A code of the step before or after the present one is accepted, because clocks of telephones differ.
_NEIGHBOURS = (0, -1, 1)
_CODE = re.compile(r"[0-9]{6}", re.ASCII)
_RECOVERY_CODES = 10
#: Without letters that look like digits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_CHARACTERS = 16


def new_totp_secret() -> str:
    """A new secret of 160 bits in base32."""
    return pyotp.random_base32()


def totp_address(secret: str, *, email: str, issuer: str) -> str:
    """The `otpauth:` address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def match_totp(secret: str, code: str, now: float, *, after: int | None) -> int | None:
    """The time step of a valid code; None if the code is wrong, or not newer than the step `after`."""
    digits = "".join(code.split())
    if not _CODE.fullmatch(digits):
        return None
    totp, present = pyotp.TOTP(secret), int(now // STEP_S)
    for step in (present + each for each in _NEIGHBOURS):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            return step if after is None or step > after else None
    return None


def new_recovery_codes() -> tuple[str, ...]:
    """Codes of 79 random bits, each of which replaces one code of the authenticator."""
    drawn = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_CHARACTERS))
        for _ in range(_RECOVERY_CODES)
    )
    return tuple("-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in drawn)


def hash_recovery_code(code: str) -> str:
    """The stored digest. A code cannot be guessed, so the digest needs no salt and no slow hash."""
    return hashlib.sha256(_normalize(code).encode()).hexdigest()


def match_recovery_code(code: str, digests: Collection[str]) -> str | None:
    """The digest of this code, if it is one of `digests`."""
    if len(_normalize(code)) != _RECOVERY_CHARACTERS:
        return None
    wanted = hash_recovery_code(code)
    return next((each for each in digests if hmac.compare_digest(each, wanted)), None)


def _normalize(code: str) -> str:
    return "".join(each for each in code.lower() if each.isalnum())
