"""A model from a hub into a folder: at one commit, only files that hold no code, every hash recorded."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec

from safelight.errors import InvalidField, SafelightError
from safelight.net.fetch import Fetcher

from .weights import MANIFEST, SUFFIXES, Manifest, files_in, read_manifest, verify_files

HUB = "https://huggingface.co"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_FILES, _LARGEST, _LISTING = 200, 20 << 30, 8 << 20
#: Folders of a repository with the same weights for other runtimes.
_ELSEWHERE = ("flax", "tf_", "openvino", "coreml")


class NotPulled(SafelightError):
    """A model could not be fetched."""

    code = "model_not_pulled"


def pull(
    repo: str,
    into: Path,
    fetcher: Fetcher,
    *,
    revision: str = "",
    hub: str = HUB,
    clock: Callable[[], float] = time.time,
    progress: Callable[[str, int], None] | None = None,
) -> Manifest:
    """The files of `repo` in the new folder `into`, whole or not at all, and what was recorded of them.

    Where the folder is there it is verified, and has to be of the asked-for commit. Raises `NotPulled`,
    `WeightsChanged`, `InvalidField`.
    """
    if not _REPO.fullmatch(repo):
        raise InvalidField(f"{repo!r} is no owner/name of a hub.", param="repo")
    if revision and not _COMMIT.fullmatch(revision):
        raise InvalidField(f"{revision!r} is no commit of 40 hex digits.", param="revision")
    if into.exists():
        return _held(into, repo, revision)
    into.parent.mkdir(parents=True, exist_ok=True)
    part = into.parent / f".{into.name}.{secrets.token_hex(4)}"
    part.mkdir()
    try:
        said = _listing(repo, revision or "main", fetcher, hub, part)
        commit = str(said.get("sha", ""))
        if not _COMMIT.fullmatch(commit) or (revision and commit != revision):
            raise NotPulled(f"The hub names the commit {commit[:60]!r} for {repo} at {revision or 'main'}.")
        for name, size, sha256 in wanted(said):
            if progress is not None:
                progress(name, size)
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            url = f"{hub}/{repo}/resolve/{commit}/{quote(name)}"
            got = fetcher.fetch(url, target, max_bytes=min(max(size, 1), _LARGEST) if size else _LARGEST)
            if sha256 and got.sha256 != sha256:
                raise NotPulled(f"{name} is not the file that the hub's listing names.")
        card = said.get("cardData")
        manifest = Manifest(
            repo=repo,
            revision=commit,
            licence=str(card.get("license", "")) if isinstance(card, Mapping) else "",
            hub=hub,
            pulled_at=clock(),
            files=files_in(part),
        )
        (part / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        part.rename(into)
    except NotPulled:
        raise
    except (SafelightError, OSError, ValueError) as error:
        raise NotPulled(
            f"{repo} could not be fetched: {error}",
            remedy="Is the hub reachable from here? Files that came another way can lie in a folder that the"
            " settings name.",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def wanted(listing: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    """Name, size and hash (empty where the hub gives none) of what is taken from a repository. Pure.

    Where there are safetensors or ONNX files nothing pickled is taken; where there are neither, `NotPulled`.
    """
    found: list[tuple[str, int, str]] = []
    for one in listing.get("siblings", ()):
        name = str(one.get("rfilename", ""))
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name or path.name.startswith("."):
            continue
        if path.suffix not in SUFFIXES or path.parts[0].startswith(_ELSEWHERE):
            continue
        lfs = one.get("lfs") or {}
        found.append((name, int(one.get("size") or lfs.get("size") or 0), str(lfs.get("sha256", ""))))
    if not any(name.endswith((".safetensors", ".onnx")) for name, _size, _sha in found):
        raise NotPulled(
            "The repository holds weights neither as safetensors nor as ONNX; others are not taken."
        )
    if len(found) > _MOST_FILES:
        raise NotPulled(f"The repository has {len(found)} files; more than {_MOST_FILES} are not taken.")
    return found


def _listing(repo: str, revision: str, fetcher: Fetcher, hub: str, folder: Path) -> dict[str, Any]:
    path = folder / ".listing"
    fetcher.fetch(f"{hub}/api/models/{repo}/revision/{revision}?blobs=true", path, max_bytes=_LISTING)
    said = json.loads(path.read_bytes())
    path.unlink()
    if not isinstance(said, dict):
        raise NotPulled("The hub answered with no listing.")
    return said


def _held(folder: Path, repo: str, revision: str) -> Manifest:
    manifest = read_manifest(folder)
    if manifest is None:
        raise NotPulled(f"{folder} is there, and was not pulled.", remedy="Move it away first.")
    verify_files(folder)
    if manifest.repo != repo or (revision and manifest.revision != revision):
        raise NotPulled(
            f"{folder} holds {manifest.repo} at {manifest.revision[:12]}, and not what was asked for.",
            remedy="Move it away first; calibrations of it will not hold for another.",
        )
    return manifest
