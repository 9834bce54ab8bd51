"""Downloads from a fake hub that returns answers in the real hub's format."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from safelight.cli import main
from safelight.detectors.models.download import DownloadFailed, HubModel, download_model, select_files
from safelight.detectors.models.weights import WeightsChanged, read_manifest
from safelight.errors import InvalidField
from safelight.net.fetch import Fetcher
from support.rows import each_row

COMMIT = "a" * 40
WEIGHTS = b"\x08\0\0\0\0\0\0\0{}      "


class Hub:
    """One repository at one commit."""

    def __init__(self) -> None:
        self.files = {"config.json": b"{}", "model.safetensors": WEIGHTS, "pytorch_model.bin": b"pickle"}
        self.listed = {"model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
        self.commit, self.asked = COMMIT, list[str]()
        self.siblings: list[dict[str, Any]] | None = None
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append(self.path)
                answer = hub.answer(urlsplit(self.path).path)
                self.send_response(404 if answer is None else 200)
                self.send_header("content-length", str(len(answer or b"")))
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, path: str) -> bytes | None:
        if path.startswith("/api/models/own/er/revision/"):
            siblings = self.siblings or [
                {"rfilename": name, "size": len(data)}
                | ({"lfs": {"sha256": self.listed[name]}} if name in self.listed else {})
                for name, data in self.files.items()
            ]
            return json.dumps(
                {"sha": self.commit, "siblings": siblings, "cardData": {"license": "mit"}}
            ).encode()
        prefix = f"/own/er/resolve/{self.commit}/"
        return self.files.get(path.removeprefix(prefix)) if path.startswith(prefix) else None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.close()


def fetcher(hub: Hub) -> Fetcher:
    return Fetcher(allow_hosts=frozenset({urlsplit(hub.url).netloc}))


def test_revision_licence_and_hashes_are_recorded_and_files_with_code_are_skipped(
    hub: Hub, tmp_path: Path
) -> None:
    into = tmp_path / "models" / "one"
    manifest = download_model(HubModel(repo="own/er", hub=hub.url), into, fetcher(hub))
    assert (manifest.revision, manifest.licence) == (COMMIT, "mit")
    assert {file.path: file.sha256 for file in manifest.files} == {
        name: hashlib.sha256(hub.files[name]).hexdigest() for name in ("config.json", "model.safetensors")
    }
    assert not any("pytorch_model" in path for path in hub.asked)
    assert read_manifest(into) == manifest
    # A second pull sends no request; it only verifies.
    before = len(hub.asked)
    assert download_model(HubModel(repo="own/er", hub=hub.url), into, fetcher(hub)) == manifest
    assert len(hub.asked) == before
    (into / "config.json").write_bytes(b"[]")
    with pytest.raises(WeightsChanged):
        download_model(HubModel(repo="own/er", hub=hub.url), into, fetcher(hub))


def test_a_pinned_commit_is_enforced(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="returned the commit"):
        download_model(
            HubModel(repo="own/er", revision="b" * 40, hub=hub.url), tmp_path / "one", fetcher(hub)
        )
    download_model(HubModel(repo="own/er", revision=COMMIT, hub=hub.url), tmp_path / "one", fetcher(hub))
    with pytest.raises(DownloadFailed, match="not the requested model"):
        download_model(
            HubModel(repo="own/er", revision="b" * 40, hub=hub.url), tmp_path / "one", fetcher(hub)
        )
    with pytest.raises(InvalidField):
        download_model(HubModel(repo="own/er", revision="main", hub=hub.url), tmp_path / "two", fetcher(hub))


def test_a_file_with_another_hash_leaves_no_folder(hub: Hub, tmp_path: Path) -> None:
    hub.listed["model.safetensors"] = "0" * 64
    with pytest.raises(DownloadFailed, match="does not have the sha256"):
        download_model(HubModel(repo="own/er", hub=hub.url), tmp_path / "models" / "one", fetcher(hub))
    del hub.listed["model.safetensors"]
    hub.siblings = [{"rfilename": "model.safetensors", "size": 16}, {"rfilename": "gone.json", "size": 1}]
    with pytest.raises(DownloadFailed, match="could not be downloaded"):
        download_model(HubModel(repo="own/er", hub=hub.url), tmp_path / "models" / "one", fetcher(hub))
    assert list((tmp_path / "models").iterdir()) == []


@each_row
def test_only_safe_paths_without_code_are_downloaded(name: str, taken: bool) -> None:
    listing = {"siblings": [{"rfilename": "model.safetensors"}, {"rfilename": name}]}
    assert (name in [one for one, _size, _sha in select_files(listing)]) is taken


def test_pickled_weights_alone_are_not_downloaded() -> None:
    with pytest.raises(DownloadFailed, match="safetensors"):
        select_files({"siblings": [{"rfilename": "pytorch_model.bin"}, {"rfilename": "config.json"}]})


@each_row
def test_an_invalid_repository_name_is_refused(repo: str, tmp_path: Path, hub: Hub) -> None:
    with pytest.raises(InvalidField):
        download_model(HubModel(repo=repo, hub=hub.url), tmp_path / "one", fetcher(hub))


def test_the_commands_pull_list_and_verify(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "safelight.toml"
    config.write_text(
        'data = "data"\n[detectors.custom-models.models.mine]\nkind = "image-classifier"\nrepo = "own/er"\n'
        f'revision = "{COMMIT}"\nlabels = {{nsfw = "sexual"}}\n',
        encoding="utf-8",
    )

    def said(*arguments: str) -> tuple[int, Any]:
        code = main(["--config", str(config), "models", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    code, told = said("pull", "mine", "--hub", hub.url)
    assert (code, told["pulled"][0]["revision"], told["pulled"][0]["licence"]) == (0, COMMIT, "mit")
    _, told = said("list")
    states = {one["name"]: (one["state"], one["revision"]) for one in told["models"]}
    assert states["mine"] == ("on disk", COMMIT)
    assert states["siglip2-base"] == ("missing", "unpinned: recorded at first pull")
    assert said("verify") == (0, {"models": [dict(told_of(said("verify")[1]))]})
    (tmp_path / "data" / "models" / "mine" / "config.json").write_bytes(b"{ }")
    code, told = said("verify")
    assert code == 1
    assert "config.json" in told["models"][0]["wrong"]


def told_of(answer: dict[str, Any]) -> dict[str, Any]:
    (row,) = answer["models"]
    assert row["recorded"]
    assert row["revision"] == COMMIT
    assert row["wrong"] == ""
    found: dict[str, Any] = row
    return found
