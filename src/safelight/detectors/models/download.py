"""Downloads a model from a hub into a folder: the files of one commit, without code, and records the hash
of every file.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec

from safelight.core.errors import InvalidField, SafelightError, StorageFull
from safelight.core.fileio import sync
from safelight.net.fetch import Fetcher

from .weights import MANIFEST, SUFFIXES, Manifest, hash_files, read_manifest, verify_files

HUB = "https://huggingface.co"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MAX_FILES, _MAX_FILE_BYTES, _MAX_LISTING_BYTES = 200, 20 << 30, 8 << 20
#: Folders of a repository that contain the same weights for runtimes that we do not use.
_OTHER_RUNTIME_PREFIXES = ("flax", "tf_", "openvino", "coreml")


class DownloadFailed(SafelightError):
    """A model could not be downloaded."""

    code = "model_not_pulled"


@dataclass(frozen=True, kw_only=True)
class HubModel:
    """A model repository on a hub."""

    #: `owner/name`.
    repo: str
    #: Commit as 40 hex digits. Empty: the latest commit of the hub's branch `main`.
    revision: str = ""
    hub: str = HUB


def download_model(
    model: HubModel,
    into: Path,
    fetcher: Fetcher,
    *,
    clock: Callable[[], float] = time.time,
    progress: Callable[[str, int], None] | None = None,
) -> Manifest:
    """Download a model into the new folder `into`, completely or not at all, and return its manifest.

    If the folder exists, nothing is downloaded: the folder is verified and must contain the requested commit.
    Raises `DownloadFailed`, `WeightsChanged` or `InvalidField`.
    """
    repo, revision, hub = model.repo, model.revision, model.hub
    if not _REPO.fullmatch(repo):
        raise InvalidField(f"{repo!r} is not an owner/name of a hub.", param="repo")
    if revision and not _COMMIT.fullmatch(revision):
        raise InvalidField(f"{revision!r} is not a commit of 40 hex digits.", param="revision")
    if into.exists():
        return _verify_existing(into, model)
    with new_model_folder(into) as part:
        listing = _fetch_listing(model, fetcher, part)
        commit = str(listing.get("sha", ""))
        if not _COMMIT.fullmatch(commit) or (revision and commit != revision):
            raise DownloadFailed(
                f"The hub returned the commit {commit[:60]!r} for {repo} at {revision or 'main'}."
            )
        for name, size, sha256 in select_files(listing):
            if progress is not None:
                progress(name, size)
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            url = f"{hub}/{repo}/resolve/{commit}/{quote(name)}"
            fetched = fetcher.fetch(
                url, target, max_bytes=min(max(size, 1), _MAX_FILE_BYTES) if size else _MAX_FILE_BYTES
            )
            if sha256 and fetched.sha256 != sha256:
                raise DownloadFailed(f"{name} does not have the sha256 of the hub's listing.")
        card = listing.get("cardData")
        manifest = Manifest(
            repo=repo,
            revision=commit,
            licence=str(card.get("license", "")) if isinstance(card, Mapping) else "",
            source=hub,
            pulled_at=clock(),
            files=hash_files(part),
        )
        (part / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


@contextmanager
def new_model_folder(into: Path) -> Iterator[Path]:
    """A hidden folder to fill, which is renamed to `into` when the block ends without an error.

    What a killed pull left there is removed first. Raises `DownloadFailed` if another pull into the same
    store is running, and for every error of the block.
    """
    part = into.with_name(f".{into.name}.part")
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with _lock(into.parent):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            try:
                yield part
                for path in (*part.rglob("*"), part):
                    sync(path)
                part.rename(into)
                sync(into.parent)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except DownloadFailed:
        raise
    except (SafelightError, OSError, ValueError) as error:
        if isinstance(error, StorageFull) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadFailed(
                f"{into.name} could not be downloaded: the disk of {into.parent} is full.",
                remedy="Make space, and pull again.",
            ) from error
        raise DownloadFailed(
            f"{into.name} could not be downloaded: {error}",
            remedy="Check that this machine reaches the hub, or copy the files into a folder and name it"
            " in the settings.",
        ) from error


@contextmanager
def _lock(store: Path) -> Iterator[None]:
    descriptor = os.open(store, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadFailed(
                f"Another pull into {store} is running.", remedy="Wait until it has ended, and pull again."
            ) from error
        yield
    finally:
        os.close(descriptor)


def select_files(listing: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    """Name, size and sha256 (empty if the hub gives none) of the files to download. Pure.

    Pickled weights are never downloaded. Raises `DownloadFailed` without safetensors or ONNX files.
    """
    found: list[tuple[str, int, str]] = []
    for one in listing.get("siblings", ()):
        name = str(one.get("rfilename", ""))
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name or path.name.startswith("."):
            continue
        if path.suffix not in SUFFIXES or path.parts[0].startswith(_OTHER_RUNTIME_PREFIXES):
            continue
        lfs = one.get("lfs") or {}
        found.append((name, int(one.get("size") or lfs.get("size") or 0), str(lfs.get("sha256", ""))))
    if not any(name.endswith((".safetensors", ".onnx")) for name, _size, _sha in found):
        raise DownloadFailed(
            "The repository holds neither safetensors nor ONNX files; other formats are not downloaded."
        )
    if len(found) > _MAX_FILES:
        raise DownloadFailed(f"The repository has {len(found)} files; at most {_MAX_FILES} are downloaded.")
    return found


def _fetch_listing(model: HubModel, fetcher: Fetcher, folder: Path) -> dict[str, Any]:
    path = folder / ".listing"
    url = f"{model.hub}/api/models/{model.repo}/revision/{model.revision or 'main'}?blobs=true"
    fetcher.fetch(url, path, max_bytes=_MAX_LISTING_BYTES)
    listing = json.loads(path.read_bytes())
    path.unlink()
    if not isinstance(listing, dict):
        raise DownloadFailed("The hub's listing is not a JSON object.")
    return listing


def _verify_existing(folder: Path, model: HubModel) -> Manifest:
    manifest = read_manifest(folder)
    if manifest is None:
        raise DownloadFailed(
            f"{folder} exists but was not made by `safelight models pull`.", remedy="Move it away first."
        )
    verify_files(folder)
    if manifest.repo != model.repo or (model.revision and manifest.revision != model.revision):
        raise DownloadFailed(
            f"{folder} holds {manifest.repo} at {manifest.revision[:12]}, not the requested model.",
            remedy="Move it away first. Calibrations of it are not valid for other weights.",
        )
    return manifest
