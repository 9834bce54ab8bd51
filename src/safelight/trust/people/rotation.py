"""Encrypts the stored secrets of all tenants again with a new key."""

from __future__ import annotations

from safelight.errors import SafelightError
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.store.tables import people

from .invitations import totp_record


class SecretRotation:
    """Replaces the key of the secrets of authenticators."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    def rotate(self, *, by: str) -> int:
        """Add a key and encrypt all secrets with it. Returns their number.

        If it is interrupted, it can be called again. Raises `SafelightError`, before it adds a key, if a
        secret cannot be decrypted.
        """
        with self._keys.rotation():
            # A new key displaces the oldest one, which an interrupted rotation may have left in use.
            self._encrypt_all()
            self._keys.add_key()
            count = self._encrypt_all()
        with self._database.across_tenants("rotating the key of secrets") as tx:
            tx.append_audit(
                "secrets.rotated", subject="secrets", actor=by, content={"count": count}, tenant=None
            )
        return count

    def _encrypt_all(self) -> int:
        """Encrypt what an older key encrypted with the newest one. Returns the number of changed secrets."""
        count = 0
        with self._database.across_tenants("rotating the key of secrets") as tx:
            for row in tx.select(people, people.c.totp_secret.is_not(None), lock=True):
                if not self._keys.is_current(row.totp_secret):
                    again = self._encrypt_again(row.totp_secret, row.id)
                    count += tx.update(people, people.c.id == row.id, totp_secret=again)
        return count

    def _encrypt_again(self, ciphertext: bytes, person: str) -> bytes:
        plain = self._keys.decrypt(ciphertext, totp_record(person))
        if plain is None:
            raise SafelightError(
                f"The secret of {person} cannot be decrypted, because its key is missing.",
                remedy="Restore secrets.key from a backup, or reset this person: safelight people reset.",
            )
        return self._keys.encrypt(plain, totp_record(person))
