"""Blob stores for tests: the same tests on a folder, in memory and on an S3 server."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from safelight.store.blobs import BlobStore, StoredBlob
from safelight.store.retention import Retention


@dataclass(frozen=True, kw_only=True)
class S3:
    """A server that speaks S3, and the options to reach it."""

    endpoint: str

    @property
    def options(self) -> dict[str, str]:
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "test",
        }

    def bucket(self) -> str:
        """A fresh bucket's URL."""
        import httpx

        name = f"bucket-{secrets.token_hex(6)}"
        httpx.put(f"{self.endpoint}/{name}").raise_for_status()
        return f"s3://{name}/prefix"


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3(endpoint=f"http://{host}:{port}")
    server.stop()


@pytest.fixture(params=["folder", "memory", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """An empty blob store, once per kind."""
    if request.param == "folder":
        return BlobStore(f"file://{tmp_path / 'blobs'}")
    if request.param == "memory":
        return BlobStore("memory://")
    server: S3 = request.getfixturevalue("s3")
    return BlobStore(server.bucket(), options=server.options)


def put_bytes(blobs: BlobStore, data: bytes, *, tenant: str, kind: str, retention: Retention) -> StoredBlob:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return blobs.put_file(Path(file.name), tenant=tenant, kind=kind, retention=retention)


def list_sha256(blobs: BlobStore, tenant: str) -> list[str]:
    """The sha256 of every blob of a tenant outside the vault."""
    import obstore

    pages = obstore.list(blobs._store, prefix=tenant)
    return [item["path"].rsplit("/", 1)[-1] for page in pages for item in page]


def copy_bucket(server: S3, source: str, target: str) -> int:
    """Copy every object, as the tool of a provider does. Returns how many there are."""
    import obstore

    old, new = (BlobStore(url, options=server.options)._store for url in (source, target))
    paths = [item["path"] for page in obstore.list(old) for item in page]
    for path in paths:
        obstore.put(new, path, obstore.get(old, path).bytes())
    return len(paths)
