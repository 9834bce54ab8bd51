"""A file is kept only if it is complete and its hash is right."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from fixed_server import FixedServer, Reply
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


def ranged(headers: dict[str, str]) -> Reply:
    """Cuts the first answer, and continues where the client asks."""
    if "range" not in headers:
        return 200, {"etag": f'"{SHA}"', "x-cut": "50000"}, FILE
    start = int(headers["range"].removeprefix("bytes=").rstrip("-"))
    assert headers["if-range"] == f'"{SHA}"'
    part = FILE[start:]
    return 206, {"etag": f'"{SHA}"', "content-range": f"bytes {start}-{len(FILE) - 1}/{len(FILE)}"}, part


def test_an_interrupted_download_is_resumed_and_verified(server: FixedServer, tmp_path: Path) -> None:
    server.answers[CONTENT] = ranged
    with client(server) as one:
        found = one.download(video(), tmp_path / "a.mp4")
    assert (found.sha256, found.size, found.is_verified) == (SHA, len(FILE), True)
    assert server.calls(CONTENT) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_later_call_resumes_where_an_earlier_one_stopped(server: FixedServer, tmp_path: Path) -> None:
    (tmp_path / "a.mp4.part").write_bytes(FILE[:1000])
    (tmp_path / "a.mp4.part.etag").write_text(f'"{SHA}"')
    server.answers[CONTENT] = ranged
    with client(server) as one:
        one.download(video(), tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == FILE
    assert server.requests[0][1]["range"] == "bytes=1000-"


def test_a_changed_file_is_downloaded_again_from_its_start(server: FixedServer, tmp_path: Path) -> None:
    (tmp_path / "a.mp4.part").write_bytes(b"older bytes")
    (tmp_path / "a.mp4.part.etag").write_text('"older"')
    server.answers[CONTENT] = (200, {"etag": f'"{SHA}"'}, FILE)
    with client(server) as one:
        one.download(video(), tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == FILE


def test_bytes_with_another_hash_are_removed(server: FixedServer, tmp_path: Path) -> None:
    server.answers[CONTENT] = (200, {}, FILE)
    with client(server) as one, pytest.raises(sc.HashMismatch) as caught:
        one.download(video(safelight={"sha256": "0" * 64}), tmp_path / "a.mp4")
    assert (caught.value.stage, list(tmp_path.iterdir())) == ("delivery", [])


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


def test_a_failed_video_is_not_downloaded(server: FixedServer, tmp_path: Path) -> None:
    failed = read_video({"id": "v1", "status": "failed", "error": {"code": "moderation_blocked"}})
    with client(server) as one, pytest.raises(sc.VideoBlocked) as caught:
        one.download(failed, tmp_path / "a.mp4")
    assert (server.requests, caught.value.retry) == ([], "change_prompt")


def test_parts_are_requested_until_the_size_is_that_of_the_whole_file(
    server: FixedServer, tmp_path: Path
) -> None:
    """A server may send less at once than was asked for, also to a request for the whole file."""

    def capped(headers: dict[str, str]) -> Reply:
        start = int(headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        part = FILE[start : start + 30_000]
        content_range = f"bytes {start}-{start + len(part) - 1}/{len(FILE)}"
        return 206, {"etag": '"a"', "content-range": content_range}, part

    server.answers[CONTENT] = capped
    with client(server) as one:
        found = one.download(video(), tmp_path / "a.mp4")
    assert (found.sha256, found.is_verified) == (SHA, False)
    assert server.calls(CONTENT) == 4


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
