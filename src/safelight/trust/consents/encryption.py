"""Encrypts face and voice templates. The key is in the keys folder, outside the database."""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.errors import SettingsError
from safelight.fileio import write_once

Template = npt.NDArray[np.float64]

_FILE = "templates.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class TemplateKey:
    """Encrypts templates with AES-256-GCM. The key file `templates.key` is created on first use.

    Losing the key makes all stored templates unreadable; then people have to be enrolled again. No other data
    is affected.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"a key has {_KEY_BYTES} bytes")
        self._key = key

    @classmethod
    def load(cls, folder: Path) -> TemplateKey:
        """The key in this folder. Created if missing. Raises `SettingsError` if the file is not a key."""
        path = folder / _FILE
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_once(path, secrets.token_bytes(_KEY_BYTES))
        try:
            return cls(path.read_bytes())
        except (OSError, ValueError):
            raise SettingsError(
                f"{path} is not a key of {_KEY_BYTES} bytes.",
                remedy="Restore the file from a backup, or enrol the people again.",
            ) from None

    def encrypt(self, template: Template, associated_data: str) -> bytes:
        """The nonce, followed by the ciphertext. `associated_data` identifies the record of the template."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = np.asarray(template, "<f8").tobytes()
        return nonce + AESGCM(self._key).encrypt(nonce, plain, associated_data.encode())

    def decrypt(self, ciphertext: bytes, associated_data: str) -> Template | None:
        """The template. None if the key, the associated data or the ciphertext is wrong."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            nonce, body = ciphertext[:_NONCE_BYTES], ciphertext[_NONCE_BYTES:]
            plain = AESGCM(self._key).decrypt(nonce, body, associated_data.encode())
        except (InvalidTag, ValueError):
            return None
        return np.frombuffer(plain, "<f8").copy()
