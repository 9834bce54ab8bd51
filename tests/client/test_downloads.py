"""A file is kept only if it is complete and its hash is right. Further cases: `calls.json`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from fixed_server import FixedServer
from hostile import RETRIES

import safelight_client as sc
from safelight_client import download as module
from safelight_client.video import read_video

FILE = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 400
SHA = hashlib.sha256(FILE).hexdigest()
CONTENT = "GET /v1/videos/v1/content"


def video(**fields: Any) -> sc.Video:
    """A video of our gateway, whose ETags are hashes."""
    return read_video({"id": "v1", "status": "completed", "safelight": {}, **fields})


def client(server: FixedServer) -> sc.Client:
    return sc.Client(server.url, retries=RETRIES)


def test_a_later_call_resumes_the_same_file_where_an_earlier_one_stopped(
    server: FixedServer, tmp_path: Path
) -> None:
    etag = f'"{SHA}"'
    (tmp_path / "a.mp4.part").write_bytes(FILE[:1000])
    (tmp_path / "a.mp4.part.etag").write_text(etag)
    content_range = f"bytes 1000-{len(FILE) - 1}/{len(FILE)}"
    server.answers[CONTENT] = (206, {"etag": etag, "content-range": content_range}, FILE[1000:])
    with client(server) as one:
        found = one.download(video(), tmp_path / "a.mp4")
    ((_, headers, _),) = server.requests
    assert (headers["range"], headers["if-range"]) == ("bytes=1000-", etag)
    assert (found.sha256, found.size, found.is_verified) == (SHA, len(FILE), True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [FILE]


def test_a_full_disk_is_reported_and_leaves_no_file(
    server: FixedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.PartFile, "begin", full)
    server.answers[CONTENT] = (200, {}, FILE)
    with client(server) as one, pytest.raises(sc.DownloadFailed, match="No space left"):
        one.download(video(), tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_a_file_whose_parts_do_not_grow_is_not_kept(server: FixedServer, tmp_path: Path) -> None:
    # Without an ETag a download cannot be continued.
    server.answers[CONTENT] = (206, {"content-range": f"bytes 0-999/{len(FILE)}"}, FILE[:1000])
    with client(server) as one, pytest.raises(sc.DownloadFailed, match=f"1000 bytes of {len(FILE)}"):
        one.download(video(), tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_an_etag_of_another_server_is_not_taken_for_a_hash(server: FixedServer, tmp_path: Path) -> None:
    server.answers[CONTENT] = (200, {"etag": '"' + "0" * 64 + '"'}, FILE)
    with client(server) as one:
        found = one.download(video(safelight=None), tmp_path / "a.mp4")
    assert not found.is_verified


def test_a_refused_download_says_nothing_about_the_charge(server: FixedServer, tmp_path: Path) -> None:
    server.answers[CONTENT] = (404, {}, {"detail": "Not Found"})
    with client(server) as one, pytest.raises(sc.InvalidRequest) as caught:
        one.download(video(), tmp_path / "a.mp4")
    assert caught.value.charged == "unknown"
