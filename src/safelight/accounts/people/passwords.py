"""Hashes passwords with scrypt, and checks them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import unicodedata

from safelight.core.errors import InvalidField, RateLimited

#: With a second factor a shorter password would do; this length also resists an attack on a stolen database.
MIN_PASSWORD_CHARACTERS = 12
MAX_PASSWORD_CHARACTERS = 200
#: One of the settings that OWASP's Password Storage Cheat Sheet gives as equally strong. This one needs
#: 32 MiB and about 0.2 s; its first one needs 128 MiB, too much for several sign-ins on a small machine.
_COST_LOG2, _BLOCK_SIZE, _PARALLELISM = 15, 8, 3
#: Twice the memory of one hash.
_MAX_MEMORY_BYTES = 2 * 128 * _BLOCK_SIZE * 2**_COST_LOG2
_SALT_BYTES, _HASH_BYTES = 16, 32
#: More hashes at once would only use more memory: each keeps a processor busy.
_MAX_CONCURRENT = 2
#: Each waiting hash keeps a thread that all requests share, so most threads stay free. The last of this
#: number waits about two seconds.
MAX_WAITING = 16


class PasswordHasher:
    """Hashes and checks passwords, two at a time, so that a flood of sign-ins cannot use up the memory.

    `hash` and `verify` raise `RateLimited` if many others wait already.
    """

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(_MAX_CONCURRENT)
        self._places = threading.BoundedSemaphore(_MAX_CONCURRENT + MAX_WAITING)
        #: Checked for unknown people, so that the time of the answer does not show who exists.
        self._unknown = _format_hash(bytes(_SALT_BYTES), bytes(_HASH_BYTES))

    def hash(self, password: str) -> str:
        """The hash with its salt and parameters."""
        salt = secrets.token_bytes(_SALT_BYTES)
        digest = self._derive(password, salt, _COST_LOG2, _BLOCK_SIZE, _PARALLELISM)
        return _format_hash(salt, digest)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether this is the password. Takes the same time if `stored` is None."""
        _, cost, block, parallelism, salt, digest = (stored or self._unknown).split("$")
        found = self._derive(
            password[:MAX_PASSWORD_CHARACTERS], _decode(salt), int(cost), int(block), int(parallelism)
        )
        return hmac.compare_digest(found, _decode(digest)) and stored is not None

    def _derive(self, password: str, salt: bytes, cost: int, block: int, parallelism: int) -> bytes:
        # The same characters can be typed in several Unicode forms, depending on the keyboard.
        normal = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
        if not self._places.acquire(blocking=False):
            raise RateLimited("Too many people sign in at this moment.", retry_after_s=5.0)
        try:
            with self._slots:
                return hashlib.scrypt(
                    normal,
                    salt=salt,
                    n=2**cost,
                    r=block,
                    p=parallelism,
                    maxmem=_MAX_MEMORY_BYTES,
                    dklen=_HASH_BYTES,
                )
        finally:
            self._places.release()


def check_password(password: str, *, email: str) -> None:
    """Raise `InvalidField` if a new password is too short, too long or the e-mail address."""
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise InvalidField(
            f"A password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters.",
            param="password",
            remedy="Several words in a row are easy to remember.",
        )
    if password.strip().lower() == email or len(set(password)) < 4:
        raise InvalidField("This password is too easy to guess.", param="password")


def _format_hash(salt: bytes, digest: bytes) -> str:
    """The stored form. It names the parameters, so that they can change without a reset."""
    return f"scrypt${_COST_LOG2}${_BLOCK_SIZE}${_PARALLELISM}${_encode(salt)}${_encode(digest)}"


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text)
