"""Bytes by their sha256, per tenant, in a folder, in memory or in an S3 bucket."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.errors import NotFound, SafelightError
from safelight.fileio import atomic_file, sha256_file, sync_tree

from .disk import require_space, storage_full
from .object_store import open_store, translate_store_errors
from .retention import Retention

CHUNK = 1024 * 1024
#: Below this a blob is written in one request that the store itself refuses if the name is taken.
SMALL = 4 * 1024 * 1024

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class StoredBlob:
    """What is in the store, for the row of an asset."""

    tenant: str
    sha256: str
    bytes: int
    kind: str
    retention: Retention


class CorruptBlob(SafelightError):
    """Stored bytes that are no longer those that were stored."""


class BlobStore:
    """A store by its URL: `file:///path/to/folder`, `memory://` or `s3://bucket/prefix`.

    Bytes are written once, under `tenant/ab/sha256`; the same bytes again change nothing. What is put with
    the retention class `vault` lies under `vault/`, and no call reaches it that does not say so. `options`
    go to the S3 client (`endpoint`, `region`, `access_key_id`, `secret_access_key`, `allow_http` ...).
    """

    def __init__(self, url: str, *, options: Mapping[str, Any] | None = None) -> None:
        self.url = url
        self._folder, self._store = open_store(url, options or {})

    def put_file(self, path: Path, *, tenant: str, kind: str, retention: Retention) -> StoredBlob:
        """Store a file. Raises `StorageFull` where there is no room, and leaves nothing behind."""
        digest = sha256_file(path)
        size = path.stat().st_size
        self._write(path, size, _name(tenant, digest, vault=retention is Retention.VAULT))
        return StoredBlob(tenant=tenant, sha256=digest, bytes=size, kind=kind, retention=retention)

    def put_bytes(self, data: bytes, *, tenant: str, kind: str, retention: Retention) -> StoredBlob:
        """Store bytes that are at hand; as `put_file`."""
        digest = hashlib.sha256(data).hexdigest()
        self._write(data, len(data), _name(tenant, digest, vault=retention is Retention.VAULT))
        return StoredBlob(tenant=tenant, sha256=digest, bytes=len(data), kind=kind, retention=retention)

    def size(self, tenant: str, sha256: str, *, vault: bool = False) -> int:
        """How many bytes; `NotFound` where there are none of this name."""
        import obstore

        with translate_store_errors():
            return int(obstore.head(self._store, _name(tenant, sha256, vault=vault))["size"])

    def has(self, tenant: str, sha256: str, *, vault: bool = False) -> bool:
        try:
            self.size(tenant, sha256, vault=vault)
        except NotFound:
            return False
        return True

    def stream(
        self, tenant: str, sha256: str, start: int = 0, end: int | None = None, *, vault: bool = False
    ) -> Iterator[bytes]:
        """The bytes from `start` to `end` (exclusive), in chunks. Not verified: use `copy_to` for that.

        `NotFound` comes before the first chunk, when this is called.
        """
        import obstore

        name = _name(tenant, sha256, vault=vault)
        with translate_store_errors():
            if end is not None and end <= start:
                self.size(tenant, sha256, vault=vault)
                return iter(())
            wanted: Any = None
            if end is not None:
                wanted = {"range": (start, end)}
            elif start:
                wanted = {"range": {"offset": start}}
            result = obstore.get(self._store, name, options=wanted)
        return _chunks(result.stream(min_chunk_size=CHUNK))

    def read(self, tenant: str, sha256: str, *, vault: bool = False) -> bytes:
        """All the bytes, verified; for small ones."""
        data = b"".join(self.stream(tenant, sha256, vault=vault))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _damaged(sha256)
        return data

    def copy_to(self, tenant: str, sha256: str, path: Path, *, vault: bool = False) -> None:
        """Write the bytes to a file of this name, which appears only once they are verified and on the disk.

        Raises `Damaged` where the stored bytes are no longer those that were stored.
        """
        chunks = self.stream(tenant, sha256, vault=vault)
        digest = hashlib.sha256()
        try:
            with atomic_file(path) as file:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(chunk)
                if digest.hexdigest() != sha256:
                    raise _damaged(sha256)
        except OSError as error:
            raise storage_full(error) or error from error

    def delete(self, tenant: str, sha256: str, *, vault: bool = False) -> None:
        """Remove the bytes; nothing happens where there are none."""
        import obstore

        try:
            with translate_store_errors():
                obstore.delete(self._store, _name(tenant, sha256, vault=vault))
        except NotFound:
            return

    def move_to_vault(self, tenant: str, sha256: str) -> None:
        """Move bytes into the vault. Safe to do twice; `NotFound` where they are in neither place."""
        import obstore

        plain, vaulted = _name(tenant, sha256, vault=False), _name(tenant, sha256, vault=True)
        if self.has(tenant, sha256, vault=True):
            self.delete(tenant, sha256)
            return
        with translate_store_errors():
            obstore.copy(self._store, plain, vaulted)
            self._keep(vaulted)
        self.delete(tenant, sha256)

    def names(self, tenant: str, *, vault: bool = False) -> Iterator[str]:
        """The sha256 of everything a tenant has here."""
        import obstore

        prefix = f"vault/{_checked(tenant)}" if vault else _checked(tenant)
        with translate_store_errors():
            for page in obstore.list(self._store, prefix=prefix):
                for item in page:
                    yield item["path"].rsplit("/", 1)[-1]

    def _write(self, source: Path | bytes, size: int, name: str) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with translate_store_errors(writing=True):
            if self._has(name, size):
                return
            if self._folder is not None:
                require_space(self._folder, size)
            if size <= SMALL:
                try:
                    obstore.put(self._store, name, source, mode="create")
                except AlreadyExistsError:
                    if not self._has(name, size):
                        obstore.put(self._store, name, source)
            else:
                # Uploaded in parts; two writers of one name write the same bytes.
                obstore.put(self._store, name, source, chunk_size=8 * 1024 * 1024, max_concurrency=4)
            self._keep(name)

    def _has(self, name: str, size: int) -> bool:
        import obstore

        try:
            return bool(obstore.head(self._store, name)["size"] == size)
        except FileNotFoundError:
            return False

    def _keep(self, name: str) -> None:
        if self._folder is not None:
            sync_tree(self._folder / name, self._folder)


def _name(tenant: str, sha256: str, *, vault: bool) -> str:
    if not _SHA256.fullmatch(sha256):
        raise NotFound("There is no such file.")
    name = f"{_checked(tenant)}/{sha256[:2]}/{sha256}"
    return f"vault/{name}" if vault else name


def _checked(tenant: str) -> str:
    if not _TENANT.fullmatch(tenant) or tenant == "vault":
        raise ValueError(f"not a tenant's id: {tenant!r}")
    return tenant


def _chunks(stream: Iterator[bytes]) -> Iterator[bytes]:
    with translate_store_errors():
        for chunk in stream:
            yield bytes(chunk)


def _damaged(sha256: str) -> CorruptBlob:
    return CorruptBlob(
        f"The stored file {sha256} is damaged: its bytes are not those that were stored.",
        remedy="Restore it from a backup.",
    )
