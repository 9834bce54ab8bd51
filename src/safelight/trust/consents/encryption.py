"""Templates at rest: encrypted with a key that lies beside the other secrets, outside of the database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.errors import SettingsError

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
        fresh = folder / f".{_FILE}.{secrets.token_hex(4)}"
        if not path.exists():
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                # Whoever comes second finds the first one's key.
                os.link(fresh, path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        try:
            return cls(path.read_bytes())
        except (OSError, ValueError):
            raise SettingsError(
                f"{path} is no key of {_BYTES} bytes.",
                remedy="Bring the right file back from a backup, or enrol the people again.",
            ) from None

    def seal(self, template: Template, bound: str) -> bytes:
        """The template, encrypted, bound to what it belongs to."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE)
        plain = np.asarray(template, "<f8").tobytes()
        return nonce + AESGCM(self._key).encrypt(nonce, plain, bound.encode())

    def unseal(self, sealed: bytes, bound: str) -> Template | None:
        """The template; None where it was made with another key, for something else, or was changed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            plain = AESGCM(self._key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound.encode())
        except (InvalidTag, ValueError):
            return None
        return np.frombuffer(plain, "<f8").copy()
