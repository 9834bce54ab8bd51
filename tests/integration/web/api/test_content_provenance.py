"""`POST /v1/content_provenance_checks` on a live server, with a sealed file."""

from __future__ import annotations

import io
import shutil
import wave
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from safelight.app.container import Container
from safelight.app.settings import Settings
from support.fake_api_server import live
from support.videos import add_video

URL = "/v1/content_provenance_checks"


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    made = Container(Settings(data=tmp_path_factory.mktemp("installation")))
    with closing(made.persistence.database):
        yield made


@pytest.fixture(scope="module")
def client(
    container: Container, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copyfile(sqlite_template, folder / "db.sqlite3")
    options: dict[str, Any] = {"provenance": container.provenance.checks, "provenance_answer_s": 0.0}
    with (
        live(folder, folder / "db.sqlite3", **options) as running,
        httpx.Client(base_url=running.url, headers=dict(running.auth), timeout=30, verify=False) as made,
    ):
        yield made


def picture() -> bytes:
    stored = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (96, 128, 3), np.uint8)).save(stored, "png")
    return stored.getvalue()


def sound() -> bytes:
    stored = io.BytesIO()
    with wave.open(stored, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))
    return stored.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html><p>Hello",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        np.random.default_rng(1).bytes(5000),
        b"just text",
        sound(),
        b"ID3\x03\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" * 200,
        b"\x00\x00\x00\x18ftypmp42" + bytes(400),
    ],
    ids=["html", "svg", "random", "text", "wav", "mp3", "broken-mp4"],
)
def test_what_is_neither_a_video_nor_a_picture_is_refused_by_one_sentence(
    client: httpx.Client, content: bytes
) -> None:
    refused = client.post(URL, files={"file": ("a.mp4", content)})
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["code"], error["message"]) == (
        "invalid_media",
        "This is not a video or picture that we can open.",
    )


def test_a_file_without_any_sign_has_no_manifest(client: httpx.Client) -> None:
    answer = client.post(URL, files={"file": ("a.png", picture())})
    assert answer.status_code == 200
    found = answer.json()
    assert found["object"] == "content_provenance_check"
    unknown = dict.fromkeys(("issuer", "model", "generated_at"))
    missing = {"type": "c2pa", "outcome": "not_detected", "validation_state": "not_present", **unknown}
    assert found["results"] == [missing]
    assert (found["safelight"]["answer"], found["safelight"]["id_exists"]) == ("cannot_tell", None)
    assert found["safelight"]["evidence"][0]["does_not_prove"]


def test_an_id_of_another_tenant_is_answered_like_one_that_does_not_exist(
    client: httpx.Client, container: Container
) -> None:
    # The key of the client is of another tenant than this one.
    with container.persistence.database.transaction(container.persistence.tenant) as tx:
        delivered = add_video(tx, state="delivered", stage="delivery", sealed_sha256="a" * 64)
    asked = [client.post(URL, json={"video_id": one}).json() for one in (delivered, "video_0199")]
    answers = [one["safelight"] for one in asked]
    assert answers[0] == answers[1]
    assert (asked[0]["results"], answers[0]["answer"], answers[0]["ground"], answers[0]["id_exists"]) == (
        [],
        "cannot_tell",
        "id_only",
        None,
    )
    checks = container.provenance.checks
    assert checks.check_id(delivered, tenant=container.persistence.tenant).public.id_exists is True


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {}},
        {"json": {"video_id": 5}},
        {"json": {"video_id": "a", "model": "b"}},
        {"files": {"file": ("a.mp4", b"")}},
        {"files": {"video": ("a.mp4", b"x")}},
        {"files": {"file": ("a.mp4", b"x")}, "data": {"video_id": "video_1"}},
    ],
)
def test_anything_else_than_one_file_or_one_id_is_refused(client: httpx.Client, sent: dict[str, Any]) -> None:
    assert client.post(URL, **sent).status_code == 400


def test_a_key_is_needed(client: httpx.Client) -> None:
    assert client.post(URL, json={"video_id": "a"}, headers={"authorization": ""}).status_code == 401
