"""Encrypts small secrets for the database. The keys are in a file of the keys folder, outside it."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Table

from safelight.core.errors import SettingsError
from safelight.core.fileio import write_atomic, write_once

KEY_BYTES = 32
_NONCE_BYTES = 12
#: A ciphertext begins with this part of its key's hash, so that it is known which key it needs.
_KEY_ID_BYTES = 4
#: The key in use and the one before it. A process that read the file before a rotation may still write a few
#: values with the older key; the next rotation encrypts them again.
_MAX_KEYS = 2


@dataclass(frozen=True, kw_only=True)
class EncryptedColumn:
    """Names the values, and how one of them is read and written."""

    table: Table
    #: The name of the primary key.
    identity: str
    column: str
    #: The associated data of the row with this primary key.
    record: Callable[[str], str]
    #: The rows that have a value.
    where: ColumnElement[bool] | None = None
    #: The ciphertext in a stored value; None if it has none any more.
    read: Callable[[bytes], bytes | None] = bytes
    #: The stored value of a ciphertext.
    write: Callable[[bytes], bytes] = bytes
    #: What to do if a value cannot be decrypted. None: it ends soon by itself, and a rotation leaves it as
    #: it is.
    remedy: Callable[[str], str] | None = None


@dataclass(frozen=True)
class _Keys:
    """The keys of the file by their id. The last one encrypts."""

    by_id: dict[bytes, bytes]
    stamp: tuple[int, int]

    @property
    def newest(self) -> bytes:
        return list(self.by_id)[-1]


class KeyRing:
    """Encrypts and decrypts with AES-256-GCM. The key file is created on first use.

    Losing the file makes what it encrypts unreadable. Every process of an installation uses the same file and
    reads it again when it has changed.
    """

    def __init__(self, path: Path, *, remedy: str) -> None:
        self._path = path
        self._remedy = remedy
        self._lock = threading.Lock()
        self._keys = self._read()

    @classmethod
    def load(cls, folder: Path, name: str, *, remedy: str) -> KeyRing:
        """The keys in `folder/name.key`, created if missing.

        Raises `SettingsError` with `remedy` if the file does not contain keys.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{name}.key"
        if not path.exists():
            write_once(path, secrets.token_bytes(KEY_BYTES))
        return cls(path, remedy=remedy)

    def encrypt(self, plain: bytes, associated_data: str) -> bytes:
        """The key's id, the nonce and the ciphertext. `associated_data` identifies the record."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        keys, nonce = self._current(), secrets.token_bytes(_NONCE_BYTES)
        body = AESGCM(keys.by_id[keys.newest]).encrypt(nonce, plain, associated_data.encode())
        return keys.newest + nonce + body

    def decrypt(self, ciphertext: bytes, associated_data: str) -> bytes | None:
        """The plain bytes. None if the key is missing, or the associated data or the ciphertext is wrong."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._current().by_id.get(ciphertext[:_KEY_ID_BYTES])
        nonce = ciphertext[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        body = ciphertext[_KEY_ID_BYTES + _NONCE_BYTES :]
        if key is None:
            return None
        try:
            return AESGCM(key).decrypt(nonce, body, associated_data.encode())
        except (InvalidTag, ValueError):
            return None

    def digest(self, text: str, purpose: str) -> str:
        """HMAC-SHA256 in hexadecimal digits with the newest key. Another one after a rotation."""
        keys = self._current()
        message = f"{purpose}\x00{text}".encode()
        return hmac.digest(keys.by_id[keys.newest], message, hashlib.sha256).hex()

    def is_current(self, ciphertext: bytes) -> bool:
        """Whether the newest key encrypted this."""
        return ciphertext[:_KEY_ID_BYTES] == self._current().newest

    @contextmanager
    def rotation(self) -> Iterator[None]:
        """Wait until no other process of this machine rotates the keys.

        Otherwise, the second rotation would drop a key that the first one still needs.
        """
        with self._path.with_suffix(".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def add_key(self) -> None:
        """Begin a rotation: add a key, which encrypts from now on, and forget all but the one before it."""
        with self._lock:
            kept = list(self._read().by_id.values())[-(_MAX_KEYS - 1) :]
            write_atomic(self._path, b"".join([*kept, secrets.token_bytes(KEY_BYTES)]))
            self._keys = self._read()

    def _current(self) -> _Keys:
        with self._lock:
            if self._stamp() != self._keys.stamp:
                self._keys = self._read()
            return self._keys

    def _stamp(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise self._unreadable() from error
        return status.st_ino, status.st_mtime_ns

    def _read(self) -> _Keys:
        stamp = self._stamp()
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise self._unreadable() from error
        if not data or len(data) % KEY_BYTES or len(data) > _MAX_KEYS * KEY_BYTES:
            raise self._unreadable()
        keys = [data[start : start + KEY_BYTES] for start in range(0, len(data), KEY_BYTES)]
        return _Keys({hashlib.sha256(key).digest()[:_KEY_ID_BYTES]: key for key in keys}, stamp)

    def _unreadable(self) -> SettingsError:
        return SettingsError(f"{self._path} does not contain keys of {KEY_BYTES} bytes.", remedy=self._remedy)
