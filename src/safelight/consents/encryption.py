"""Encrypts face templates. The key is in the keys folder, outside the database."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.store.key_ring import KeyRing

Template = npt.NDArray[np.float64]


class TemplateKey:
    """Encrypts templates with the key file `templates.key`, which is created on first use.

    Losing the key makes all stored templates unreadable; then people have to be enrolled again. No other data
    is affected.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    @classmethod
    def load(cls, folder: Path) -> TemplateKey:
        """The key in this folder. Created if missing. Raises `SettingsError` if the file is not a key."""
        remedy = "Restore the file from a backup, or enrol the people again."
        return cls(KeyRing.load(folder, "templates", remedy=remedy))

    def encrypt(self, template: Template, associated_data: str) -> bytes:
        """The ciphertext. `associated_data` identifies the record of the template."""
        return self._keys.encrypt(np.asarray(template, "<f8").tobytes(), associated_data)

    def decrypt(self, ciphertext: bytes, associated_data: str) -> Template | None:
        """The template. None if the key, the associated data or the ciphertext is wrong."""
        plain = self._keys.decrypt(ciphertext, associated_data)
        return None if plain is None else np.frombuffer(plain, "<f8").copy()
