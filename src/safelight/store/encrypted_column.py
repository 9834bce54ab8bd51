"""A column whose values a key ring encrypts, so that a rotation of the key finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table


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
