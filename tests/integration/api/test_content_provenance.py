"""`POST /v1/content_provenance_checks` on a live server, with a sealed file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.bootstrap.container import Container
from safelight.settings import Settings
from support.fake_api_server import live

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


def test_a_file_without_any_sign_is_not_found(client: httpx.Client) -> None:
    answer = client.post(URL, files={"file": ("a.mp4", b"no video")})
    assert answer.status_code == 200
    found = answer.json()
    assert found["object"] == "content_provenance_check"
    assert found["results"] == [
        {
            "type": "c2pa",
            "outcome": "not_detected",
            "validation_state": "not_present",
            "issuer": None,
            "model": None,
            "generated_at": None,
        }
    ]
    assert found["safelight"]["answer"] == "not_found_here"
    assert found["safelight"]["evidence"][0]["does_not_prove"]


def test_an_unknown_id_is_not_found(client: httpx.Client) -> None:
    found = client.post(URL, json={"video_id": "video_0199"}).json()
    assert (found["results"], found["safelight"]["ground"]) == ([], "unknown_id")


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
