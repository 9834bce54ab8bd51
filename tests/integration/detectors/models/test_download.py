"""Downloads from a fake hub that returns answers in the real hub's format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from safelight.cli import main
from safelight.core.errors import InvalidField
from safelight.detectors.models import catalogue
from safelight.detectors.models.download import DownloadFailed, HubModel, download_model, select_files
from safelight.detectors.models.weights import WeightsChanged, read_manifest
from safelight.net.fetch import Fetcher
from support.model_hub import COMMIT, Hub
from support.rows import each_row


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
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "shared_folder", lambda: tmp_path / "none")
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
