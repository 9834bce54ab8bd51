"""A content-addressed blob store per tenant, in a folder, in memory or in an S3 bucket."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.core.disk import as_storage_full, require_space
from safelight.core.errors import NotFound, SafelightError
from safelight.core.fileio import atomic_file, sha256_file, sync_tree
from safelight.core.object_store import open_object_store, translate_store_errors

from .retention import Retention

CHUNK_BYTES = 1024 * 1024
#: A blob of at most this size is written in one request, which the object store rejects if the name exists.
MAX_SINGLE_PUT_BYTES = 4 * 1024 * 1024

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class StoredBlob:
    """Values of a stored blob for the columns of its row in the table `assets`."""

    tenant: str
    sha256: str
    bytes: int
    kind: str
    retention: Retention


class CorruptBlob(SafelightError):
    """The stored bytes no longer match their sha256."""


class BlobStore:
    """A blob store by its URL: `file:///path/to/folder`, `memory://` or `s3://bucket/prefix`.

    A blob is written once, under `tenant/ab/sha256`; writing the same bytes again changes nothing. Blobs of
    the retention class `vault` are under `vault/`, and only calls with `vault=True` access them. `options`
    are passed to the S3 client (`endpoint`, `region`, `access_key_id`, `secret_access_key`, `allow_http`
    ...).
    """

    def __init__(self, url: str, *, options: Mapping[str, Any] | None = None) -> None:
        self.url = url
        self._folder, self._store = open_object_store(url, options or {})

    def put_file(self, path: Path, *, tenant: str, kind: str, retention: Retention) -> StoredBlob:
        """Store a file. Raises `StorageFull`, and stores nothing, if there is not enough space."""
        digest = sha256_file(path)
        size = path.stat().st_size
        self._write(path, size, _name(tenant, digest, vault=retention is Retention.VAULT))
        return StoredBlob(tenant=tenant, sha256=digest, bytes=size, kind=kind, retention=retention)

    def require_space(self, bytes_: int = 0) -> None:
        """Raise `StorageFull` if the disk of the blobs has no room for this number of bytes."""
        if self._folder is not None:
            require_space(self._folder, bytes_)

    def size(self, tenant: str, sha256: str, *, vault: bool = False) -> int:
        """The size of a blob in bytes. Raises `NotFound`."""
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
        """The bytes of a blob from `start` to `end` (exclusive), in chunks.

        The bytes are not verified; `copy_to` verifies them. Raises `NotFound` when it is called, before the
        first chunk.
        """
        import obstore

        name = _name(tenant, sha256, vault=vault)
        with translate_store_errors():
            if end is not None and end <= start:
                self.size(tenant, sha256, vault=vault)
                return iter(())
            options: Any = None
            if end is not None:
                options = {"range": (start, end)}
            elif start:
                options = {"range": {"offset": start}}
            result = obstore.get(self._store, name, options=options)
        return _chunks(result.stream(min_chunk_size=CHUNK_BYTES))

    def read(self, tenant: str, sha256: str, *, vault: bool = False) -> bytes:
        """All bytes of a blob, verified against the sha256; for small blobs."""
        data = b"".join(self.stream(tenant, sha256, vault=vault))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _corrupt(sha256)
        return data

    def copy_to(self, tenant: str, sha256: str, path: Path) -> None:
        """Copy a blob to a file, which appears only after its bytes are verified and stored durably.

        Raises `CorruptBlob` if the bytes no longer match their sha256.
        """
        chunks = self.stream(tenant, sha256)
        digest = hashlib.sha256()
        try:
            with atomic_file(path) as file:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(chunk)
                if digest.hexdigest() != sha256:
                    raise _corrupt(sha256)
        except OSError as error:
            raise as_storage_full(error) or error from error

    def delete(self, tenant: str, sha256: str, *, vault: bool = False) -> None:
        """Delete a blob if it exists."""
        import obstore

        try:
            with translate_store_errors():
                obstore.delete(self._store, _name(tenant, sha256, vault=vault))
        except NotFound:
            return

    def move_to_vault(self, tenant: str, sha256: str) -> None:
        """Move a blob into the vault. Safe to repeat.

        Raises `NotFound` if the blob is neither in the vault nor outside it.
        """
        import obstore

        plain, vaulted = _name(tenant, sha256, vault=False), _name(tenant, sha256, vault=True)
        if self.has(tenant, sha256, vault=True):
            self.delete(tenant, sha256)
            return
        with translate_store_errors():
            obstore.copy(self._store, plain, vaulted)
            self._sync(vaulted)
        self.delete(tenant, sha256)

    def _write(self, source: Path, size: int, name: str) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with translate_store_errors(writing=True):
            if self._has(name, size):
                return
            self.require_space(size)
            if size <= MAX_SINGLE_PUT_BYTES:
                try:
                    obstore.put(self._store, name, source, mode="create")
                except AlreadyExistsError:
                    if not self._has(name, size):
                        obstore.put(self._store, name, source)
            else:
                # The blob is uploaded in parts. If two writers upload the same name, their bytes are the
                # same, so the last one may replace the first.
                obstore.put(self._store, name, source, chunk_size=8 * 1024 * 1024, max_concurrency=4)
            self._sync(name)

    def _has(self, name: str, size: int) -> bool:
        import obstore

        try:
            return bool(obstore.head(self._store, name)["size"] == size)
        except FileNotFoundError:
            return False

    def _sync(self, name: str) -> None:
        if self._folder is not None:
            sync_tree(self._folder / name, self._folder)


def _name(tenant: str, sha256: str, *, vault: bool) -> str:
    if not _SHA256.fullmatch(sha256):
        raise NotFound("There is no such file.")
    if not _TENANT.fullmatch(tenant) or tenant == "vault":
        raise ValueError(f"not a tenant id: {tenant!r}")
    name = f"{tenant}/{sha256[:2]}/{sha256}"
    return f"vault/{name}" if vault else name


def _chunks(stream: Iterator[bytes]) -> Iterator[bytes]:
    with translate_store_errors():
        for chunk in stream:
            yield bytes(chunk)


def _corrupt(sha256: str) -> CorruptBlob:
    return CorruptBlob(
        f"The stored file {sha256} is damaged: its bytes do not match the sha256.",
        remedy="Restore it from a backup.",
    )
