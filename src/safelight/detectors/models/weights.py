"""The files of a model on disk: computes their hashes and checks that they are still the downloaded files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from safelight.core.errors import SafelightError
from safelight.core.fileio import sha256_file

MANIFEST = "safelight-manifest.json"


class WeightsChanged(SafelightError):
    """The files of a model differ from the recorded ones."""

    code = "weights_changed"


class WeightsFile(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `pull` recorded about a download."""

    #: `owner/name` at the hub, if a hub has the model.
    repo: str
    licence: str
    #: Address of the hub, names of packages, or a folder.
    source: str
    pulled_at: float
    files: tuple[WeightsFile, ...]


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in a model's folder; None if there is none, because the operator copied the files.

    Raises `WeightsChanged`.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise WeightsChanged(f"{path} cannot be read: {error}") from None


def hash_files(folder: Path) -> tuple[WeightsFile, ...]:
    """Hash every file of a model except the manifest; the result is ordered by path."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name == MANIFEST:
            continue
        size, name = path.stat().st_size, path.relative_to(folder).as_posix()
        found.append(WeightsFile(path=name, size=size, sha256=sha256_file(path)))
    return tuple(found)


def verify_files(folder: Path) -> str:
    """Verify the files of a model and return one hash over all of them. Raises `WeightsChanged`.

    If there is a manifest, every file must match it, and the folder must not contain other files.
    """
    found = hash_files(folder)
    if not found:
        raise WeightsChanged(
            f"{folder} holds no model files.",
            remedy="Run `safelight models pull`, or set another folder.",
        )
    manifest = read_manifest(folder)
    if manifest is not None and found != tuple(sorted(manifest.files, key=lambda file: file.path)):
        recorded = {file.path: file for file in manifest.files}
        changed = sorted(
            {file.path for file in found if recorded.get(file.path) != file}
            | (set(recorded) - {file.path for file in found})
        )
        raise WeightsChanged(
            f"{folder.name}: these files differ from the download: {', '.join(changed[:5])}.",
            remedy="Remove the folder and pull the model again.",
        )
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest()
