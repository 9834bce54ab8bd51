"""Templates at rest: encrypted with a key that lies beside the other secrets, outside of the database."""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.errors import SettingsError
from safelight.fileio import write_once

Template = npt.NDArray[np.float64]

_FILE, _BYTES, _NONCE = "templates.key", 32, 12


class TemplateKey:
    """AES-256-GCM with `templates.key` of the keys folder, made on first use.

    Whoever loses the key loses the templates, and nothing else: people have to be enrolled again.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _BYTES:
            raise ValueError(f"a key of {_BYTES} bytes is needed")
        self._key = key

    @classmethod
    def load(cls, folder: Path) -> TemplateKey:
        """The key in this folder, made where there is none. Raises `SettingsError` where it is none."""
        path = folder / _FILE
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_once(path, secrets.token_bytes(_BYTES))
        try:
            return cls(path.read_bytes())
        except (OSError, ValueError):
            raise SettingsError(
                f"{path} is no key of {_BYTES} bytes.",
                remedy="Bring the right file back from a backup, or enrol the people again.",
            ) from None

    def encrypt(self, template: Template, bound: str) -> bytes:
        """The template, encrypted, bound to what it belongs to."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE)
        plain = np.asarray(template, "<f8").tobytes()
        return nonce + AESGCM(self._key).encrypt(nonce, plain, bound.encode())

    def decrypt(self, sealed: bytes, bound: str) -> Template | None:
        """The template; None where it was made with another key, for something else, or was changed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            plain = AESGCM(self._key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound.encode())
        except (InvalidTag, ValueError):
            return None
        return np.frombuffer(plain, "<f8").copy()
