"""Encrypts the stored secrets of all tenants again with a new key."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from safelight.core.errors import SafelightError
from safelight.store.database import Database
from safelight.store.key_ring import EncryptedColumn, KeyRing
from safelight.store.tables import people

from .invitations import totp_record

_log = logging.getLogger(__name__)

TOTP_SECRETS = EncryptedColumn(
    table=people,
    identity="id",
    column="totp_secret",
    record=totp_record,
    where=people.c.totp_secret.is_not(None),
    remedy=lambda person: (
        f"Restore secrets.key from a backup, or reset the person {person}: safelight people reset."
    ),
)


class SecretRotation:
    """Replaces the key of a key ring. `columns` are all columns that the ring encrypts: a value of another
    column is lost with the second rotation.
    """

    def __init__(self, database: Database, keys: KeyRing, columns: Sequence[EncryptedColumn]) -> None:
        self._database = database
        self._keys = keys
        self._columns = columns

    def rotate(self, *, by: str) -> int:
        """Add a key and encrypt all values with it. Returns their number.

        If it is interrupted, it can be called again. Raises `SafelightError`, before it adds a key, if a
        value that has to be kept cannot be decrypted.
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
        """Encrypt what an older key encrypted with the newest one. Returns the number of changed values."""
        return sum(
            self._encrypt_row(column, identity)
            for column in self._columns
            for identity in self._identities(column)
        )

    def _identities(self, column: EncryptedColumn) -> list[str]:
        key = column.table.c[column.identity]
        where = () if column.where is None else (column.where,)
        with self._database.across_tenants("rotating the key of secrets", readonly=True) as tx:
            return [row[0] for row in tx.select(column.table, *where, columns=[key], order_by=(key,))]

    def _encrypt_row(self, column: EncryptedColumn, identity: str) -> bool:
        """One transaction for each row: clips are large, and other writers need not wait for all of them."""
        this = column.table.c[column.identity] == identity
        with self._database.across_tenants("rotating the key of secrets") as tx:
            row = tx.one(column.table, this, lock=True)
            stored = None if row is None else getattr(row, column.column)
            ciphertext = None if stored is None else column.read(bytes(stored))
            if ciphertext is None or self._keys.is_current(ciphertext):
                return False
            plain = self._keys.decrypt(ciphertext, column.record(identity))
            name = f"{column.table.name}.{column.column} of {identity}"
            if plain is not None:
                again = self._keys.encrypt(plain, column.record(identity))
                return bool(tx.update(column.table, this, **{column.column: column.write(again)}))
        if column.remedy is not None:
            raise SafelightError(
                f"{name} cannot be decrypted, because its key is missing.", remedy=column.remedy(identity)
            )
        _log.warning("%s cannot be decrypted, because its key is missing, and stays as it is.", name)
        return False
