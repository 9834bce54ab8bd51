from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from safelight.core.disk import require_space
from safelight.core.errors import NotFound, SettingsError, StorageFull, Unavailable
from safelight.store.blobs import MAX_SINGLE_PUT_BYTES, BlobStore, CorruptBlob
from safelight.store.retention import Retention
from support.object_stores import list_sha256, put_bytes

EVIDENCE = {"kind": "output", "retention": Retention.EVIDENCE}


@pytest.mark.parametrize("size", [0, 1, 70_000, MAX_SINGLE_PUT_BYTES + 3_000_000])
def test_stored_bytes_are_returned_unchanged(blobs: BlobStore, tmp_path: Path, size: int) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    stored = blobs.put_file(source, tenant="acme", **EVIDENCE)
    assert stored.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert stored.bytes == size == blobs.size("acme", stored.sha256)
    blobs.copy_to("acme", stored.sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert blobs.read("acme", stored.sha256) == source.read_bytes()
    assert not list(tmp_path.glob(".*.part"))


def test_a_byte_range_is_returned_exactly_also_if_the_same_bytes_were_stored_again(blobs: BlobStore) -> None:
    data = os.urandom(100_000)
    stored = put_bytes(blobs, data, tenant="acme", **EVIDENCE)
    assert put_bytes(blobs, data, tenant="acme", **EVIDENCE) == stored
    assert list_sha256(blobs, "acme") == [stored.sha256]
    for start, end in [(0, None), (5, 6), (99_999, None), (10, 90_000), (7, 7)]:
        assert b"".join(blobs.stream("acme", stored.sha256, start, end)) == data[start:end]


def test_another_tenant_cannot_read_or_delete_a_blob(blobs: BlobStore) -> None:
    stored = put_bytes(blobs, b"mine", tenant="acme", **EVIDENCE)
    assert not blobs.has("other", stored.sha256)
    with pytest.raises(NotFound):
        blobs.stream("other", stored.sha256)
    blobs.delete("other", stored.sha256)
    assert blobs.has("acme", stored.sha256)


def test_a_missing_blob_and_a_name_that_is_not_a_hash_are_not_found(blobs: BlobStore, tmp_path: Path) -> None:
    for name in ("0" * 64, "../../etc/passwd", "0" * 63, "A" * 64, ""):
        with pytest.raises(NotFound):
            blobs.size("acme", name)
    with pytest.raises(NotFound):
        blobs.copy_to("acme", "0" * 64, tmp_path / "copy")
    assert list(tmp_path.glob("copy*")) == []
    blobs.delete("acme", "0" * 64)


def test_a_tenant_cannot_leave_its_folder(blobs: BlobStore) -> None:
    for tenant in ("vault", "../up", "", "a/b"):
        with pytest.raises(ValueError, match="not a tenant"):
            put_bytes(blobs, b"x", tenant=tenant, **EVIDENCE)


def test_the_vault_is_reached_only_if_named_explicitly(blobs: BlobStore) -> None:
    stored = put_bytes(blobs, b"x", tenant="acme", **EVIDENCE)
    blobs.move_to_vault("acme", stored.sha256)
    blobs.move_to_vault("acme", stored.sha256)
    assert not blobs.has("acme", stored.sha256)
    assert list_sha256(blobs, "acme") == []
    assert blobs.read("acme", stored.sha256, vault=True) == b"x"
    straight = put_bytes(blobs, b"y", tenant="acme", kind="output", retention=Retention.VAULT)
    assert not blobs.has("acme", straight.sha256)
    assert blobs.has("acme", straight.sha256, vault=True)


def test_changed_bytes_are_refused(tmp_path: Path) -> None:
    blobs = BlobStore(f"file://{tmp_path / 'blobs'}")
    stored = put_bytes(blobs, b"sealed", tenant="acme", **EVIDENCE)
    (tmp_path / "blobs" / "acme" / stored.sha256[:2] / stored.sha256).write_bytes(b"forged")
    with pytest.raises(CorruptBlob):
        blobs.copy_to("acme", stored.sha256, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [tmp_path / "blobs"]


def test_a_full_disk_is_reported_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="MB free"):
        require_space(tmp_path, 2**60)


@pytest.mark.parametrize("size", [2_000_000, MAX_SINGLE_PUT_BYTES + 4_000_000])
def test_a_disk_that_fills_up_during_a_write_leaves_no_file(tmp_path: Path, size: int) -> None:
    # A limit on the size of files is the nearest to a full disk that needs no mount.
    code = f"""
import os, resource, signal, pathlib
from safelight.core.errors import StorageFull
from safelight.store.blobs import BlobStore
from safelight.store.retention import Retention
source = pathlib.Path({str(tmp_path)!r}, "source")
source.write_bytes(os.urandom({size}))
blobs = BlobStore("file://{tmp_path}/blobs")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    blobs.put_file(source, tenant="acme", kind="output", retention=Retention.EVIDENCE)
except StorageFull as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "space" in done.stdout
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


def test_a_url_of_another_kind_is_refused_with_a_remedy() -> None:
    for url in ("ftp://x/y", "folder", "file://", "s3://"):
        with pytest.raises(SettingsError) as caught:
            BlobStore(url)
        assert caught.value.remedy


def test_an_unreachable_server_is_unavailable() -> None:
    blobs = BlobStore(
        "s3://bucket",
        options={
            "endpoint": "http://127.0.0.1:9",
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "test",
        },
    )
    with pytest.raises(Unavailable):
        put_bytes(blobs, b"x", tenant="acme", **EVIDENCE)


def test_a_missing_bucket_is_an_error_and_nothing_is_stored(s3: Any) -> None:
    blobs = BlobStore("s3://no-such-bucket", options=s3.options)
    with pytest.raises(Unavailable, match="bucket"):
        put_bytes(blobs, b"x", tenant="acme", **EVIDENCE)
